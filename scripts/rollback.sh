#!/bin/sh
# Puts the release before in the place of the current one and starts each instance anew, one after the other: the others serve
# meanwhile. Run twice, it puts the newer one back. The database stays as it is.
#   scripts/rollback.sh /opt/mutirao [PORT…]         by default the ports 3001 and 3002
# $RESTART is how an instance is started anew, with its port in $PORT; by default systemctl restart "mutirao@$PORT".
set -eu

fail() {
  echo "$1" >&2
  exit 1
}

[ $# -ge 1 ] || fail 'Usage: rollback.sh /opt/mutirao [PORT…]'
root=$1
shift
[ $# -gt 0 ] || set -- 3001 3002

now=$(readlink "$root/current") || fail "$root/current: expected a link to a release"
before=$(readlink "$root/previous") || fail "$root/previous: expected a link to the release before; nothing was changed"
[ -f "$root/$before/dist/src/cluster.js" ] || fail "$root/$before holds no release; nothing was changed"
[ "$now" != "$before" ] || fail "$root/current is $before already; nothing was changed"

# Renaming replaces a link in one step; there is no moment without one.
point() {
  ln -s "$2" "$root/$1.new" && mv -T "$root/$1.new" "$root/$1"
}
rm -f "$root/current.new" "$root/previous.new"
point current "$before"
point previous "$now"
echo "$now → $before"

# Longer than nginx leaves a server alone that it has found away (fail_timeout): the next one may go only when this one is asked again.
SETTLE=${SETTLE:-5}
first=yes
for PORT in "$@"; do
  export PORT
  [ "$first" = yes ] || sleep "$SETTLE"
  first=no
  sh -c "${RESTART:-systemctl restart \"mutirao@\$PORT\"}"
  tries=0
  until node "$root/current/scripts/healthy.mjs"; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "port $PORT is not ready after a minute: the other instances were left as they are"
    sleep 1
  done
  echo "port $PORT: ready"
done
