import { GRAIN_MS, LEASE_MS, WINDOW_MS } from './rules.js';

/** One clock for all processes and machines. */
const serverClock = `(function() local time = redis.call('TIME') return time[1] * 1000 + time[2] / 1000 end)()`;

export const ANSWERS_PER_KEY = 5;

/**
 * A sliding log for each key: moments with how often, and the tokens that processes hold. Whatever was
 * passed stays counted for a whole minute, tokens on lease from the last moment at which they may be used.
 *
 * For each key: the limit, how many ask, how many more to lend (less than 0: the lease stays as it is), how
 * many are on lease at once at most, how many of the last lease were used, how many were passed without asking.
 * Back: how many may pass, how many are lent, how many remain, and in how many ms all and one are free again.
 */
export const scriptWith = (clock: string): string => `
local window, grain, life = ${WINDOW_MS}, ${GRAIN_MS}, ${LEASE_MS}
local holder = ARGV[1]
local now = ${clock}

local function note(log, moment, many)
  if many <= 0 then return end
  for i = 1, #log, 3 do
    if moment >= log[i] and moment < log[i] + grain then
      log[i + 1] = math.max(log[i + 1], moment)
      log[i + 2] = log[i + 2] + many
      return
    end
  end
  table.insert(log, moment)
  table.insert(log, moment)
  table.insert(log, many)
end

local answers = {}
for k, key in ipairs(KEYS) do
  local limit, need, spare, most, spent, owed = unpack(ARGV, 6 * k - 4, 6 * k + 1)
  limit, need, spare, most, spent, owed = limit + 0, need + 0, spare + 0, most + 0, spent + 0, owed + 0
  local raw = redis.call('GET', key)
  local old = raw and cmsgpack.unpack(raw) or { {}, {} }
  local log, leases, lent = {}, {}, 0

  for i = 1, #old[1], 3 do
    if old[1][i + 1] + window > now then
      for j = i, i + 2 do table.insert(log, old[1][j]) end
    end
  end
  local settled = false
  for i = 1, #old[2], 3 do
    local by, ends, many = old[2][i], old[2][i + 1], old[2][i + 2]
    if by == holder and spare >= 0 then
      if ends + window > now then note(log, math.min(ends, now), math.min(many, spent)) end
      spent, settled = 0, true
    elseif ends + window > now then
      for j = i, i + 2 do table.insert(leases, old[2][j]) end
      if ends > now then lent = lent + many end
    end
  end
  note(log, now, spent + owed)

  local used = 0
  for i = 3, #log, 3 do used = used + log[i] end
  for i = 3, #leases, 3 do used = used + leases[i] end
  local given = math.max(0, math.min(need, limit - used))
  note(log, now, given)
  local extra = 0
  if given == need then extra = math.max(0, math.min(spare, limit - used - given, most - lent)) end
  if extra > 0 then
    table.insert(leases, holder)
    table.insert(leases, now + life)
    table.insert(leases, extra)
  end

  local full, free = 0, 0
  for _, moments in ipairs({ log, leases }) do
    for i = 2, #moments, 3 do
      local left = moments[i] + window - now
      full = math.max(full, left)
      free = free == 0 and left or math.min(free, left)
    end
  end
  if given + extra + spent + owed > 0 or settled then
    if #log + #leases > 0 then
      redis.call('SET', key, cmsgpack.pack({ log, leases }), 'PX', window + life + grain)
    else
      redis.call('DEL', key)
    end
  end
  for _, one in ipairs({ given, extra, math.max(0, limit - used - given - extra), math.ceil(full), math.ceil(free) }) do
    table.insert(answers, one)
  end
end
return answers
`;

export const script = scriptWith(serverClock);
