-- PostgreSQL 15 or later, on a machine of its own with 8GB of memory, 4 cores and 200 connections.
-- For other machines: npm run -s tune -- --memory 16GB --cores 8 > tuning.sql. Measured: npm run tune -- --compare.
-- As a superuser: psql -X -v ON_ERROR_STOP=1 -f postgresql_tuning.sql. Running it again changes nothing more.
-- What it sets lies in postgresql.auto.conf; ALTER SYSTEM RESET ALL takes all of it back.

-- connections; all pools together, and some for people; more costs memory and gains nothing
ALTER SYSTEM SET max_connections = '200';

-- memory; an eighth of the memory: the files of the system cache the rest, and checkpoints stay short
ALTER SYSTEM SET shared_buffers = '1GB';

-- memory; what both caches hold; only the planner believes it
ALTER SYSTEM SET effective_cache_size = '5GB';

-- memory for each sort; sums and lists sort in memory, and all connections at once still fit
ALTER SYSTEM SET work_mem = '16MB';

-- memory for each; indexes and vacuum; few at once
ALTER SYSTEM SET maintenance_work_mem = '256MB';

-- fewer page tables where the machine has set some aside
ALTER SYSTEM SET huge_pages = 'try';

-- memory; a whole segment: bursts of gifts wait for no write
ALTER SYSTEM SET wal_buffers = '16MB';

-- after a checkpoint whole pages are logged; packed they cost a third
ALTER SYSTEM SET wal_compression = 'pglz';

-- disk; segments are used again instead of made anew
ALTER SYSTEM SET min_wal_size = '1GB';

-- disk; checkpoints come by the clock, not by the crowd
ALTER SYSTEM SET max_wal_size = '4GB';

-- time; fewer whole pages in the log; a crash replays at most this much
ALTER SYSTEM SET checkpoint_timeout = '15min';

-- part of that time; written out evenly, so that nobody meets a wall
ALTER SYSTEM SET checkpoint_completion_target = '0.9';

-- a 2xx means a row that outlives a cut of the power
ALTER SYSTEM SET synchronous_commit = 'on';

-- cost of a page; on solid disks any page is nearly as near as the next
ALTER SYSTEM SET random_page_cost = '1.1';

-- reads at once; solid disks answer many at once
ALTER SYSTEM SET effective_io_concurrency = '200';

-- processes; helpers of queries and of extensions
ALTER SYSTEM SET max_worker_processes = '8';

-- processes; no more helpers than cores
ALTER SYSTEM SET max_parallel_workers = '4';

-- processes; one report leaves half of the cores to those who give
ALTER SYSTEM SET max_parallel_workers_per_gather = '2';

-- short questions: compiling would take longer than answering
ALTER SYSTEM SET jit = 'off';

-- time; queues and counters grow old within seconds
ALTER SYSTEM SET autovacuum_naptime = '10s';

-- part of a table; large tables are cleaned before a fifth of them is dead
ALTER SYSTEM SET autovacuum_vacuum_scale_factor = '0.05';

-- part of a table; plans follow what a campaign brings
ALTER SYSTEM SET autovacuum_analyze_scale_factor = '0.02';

-- time; cleaning keeps up with writing
ALTER SYSTEM SET autovacuum_vacuum_cost_delay = '1ms';

-- seconds; clients that vanished give their connection back
ALTER SYSTEM SET tcp_keepalives_idle = '60';

-- time; what is slow is seen before it is late
ALTER SYSTEM SET log_min_duration_statement = '500ms';

-- who waits for whom over a second
ALTER SYSTEM SET log_lock_waits = 'on';

-- disk; sorts that did not fit
ALTER SYSTEM SET log_temp_files = '16MB';

-- EXPLAIN (ANALYZE, BUFFERS) tells what the disk took
ALTER SYSTEM SET track_io_timing = 'on';

-- Of the role by which the application comes; migrations set theirs aside by themselves.
DO $$
DECLARE application text := 'mutirao';
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = application) THEN
    -- PG_STATEMENT_TIMEOUT_MS of the application: PgBouncer would lose it
    EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', application, '10s');
    -- PG_LOCK_TIMEOUT_MS of the application
    EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', application, '3s');
    -- a transaction that nobody ends holds its locks no longer
    EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', application, '15s');
  END IF;
END
$$;

SELECT pg_reload_conf();

-- These wait for a restart.
SELECT name, setting FROM pg_settings WHERE pending_restart ORDER BY name;
