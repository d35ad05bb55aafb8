#!/bin/sh
# On the first start of an empty server: the application's own role, which owns its database and nothing else, and what
# the server should be told on a machine of its size.
set -eu
psql -X -v ON_ERROR_STOP=1 -v word="$MUTIRAO_PASSWORD" -U postgres <<'SQL'
CREATE ROLE mutirao LOGIN PASSWORD :'word';
CREATE DATABASE mutirao OWNER mutirao;
SQL
psql -X -v ON_ERROR_STOP=1 -U postgres -f /tuning/postgresql_tuning.sql
