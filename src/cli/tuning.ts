export interface Machine {
  memoryMb: number;
  cores: number;
  connections: number;
}

export const usual: Machine = { memoryMb: 8_192, cores: 4, connections: 200 };

interface Setting {
  name: string;
  value: string;
  /** What the number counts, where it counts something. */
  unit: string;
  why: string;
}

const between = (least: number, value: number, most: number) => Math.round(Math.min(most, Math.max(least, value)));
/** The largest power of two that is not more: what people write and machines cut memory into. */
const evenly = (mb: number) => 2 ** Math.floor(Math.log2(mb));
const megabytes = (mb: number) => (mb % 1_024 === 0 ? `${mb / 1_024}GB` : `${mb}MB`);

/** What a server for this system alone should be told on such a machine. Nothing here gives up a commit. */
export function tuningFor({ memoryMb, cores, connections }: Machine): Setting[] {
  const shared = between(128, evenly(memoryMb / 8), 16_384);
  // Each connection may sort in several places at once; a quarter stays for the system and its files.
  const work = between(4, (memoryMb * 0.75 - shared) / (connections * 1.6), 128);
  const helpers = between(2, cores, 32);
  const setting = (name: string, value: string | number, unit: string, why: string): Setting => ({ name, value: String(value), unit, why });
  return [
    setting('max_connections', connections, 'connections', 'all pools together, and some for people; more costs memory and gains nothing'),
    setting(
      'shared_buffers',
      megabytes(shared),
      'memory',
      'an eighth of the memory: the files of the system cache the rest, and checkpoints stay short',
    ),
    setting(
      'effective_cache_size',
      megabytes(between(256, memoryMb * 0.625, 1_048_576)),
      'memory',
      'what both caches hold; only the planner believes it',
    ),
    setting('work_mem', `${work}MB`, 'memory for each sort', 'sums and lists sort in memory, and all connections at once still fit'),
    setting('maintenance_work_mem', megabytes(between(64, memoryMb / 32, 2_048)), 'memory for each', 'indexes and vacuum; few at once'),
    setting('huge_pages', 'try', '', 'fewer page tables where the machine has set some aside'),
    setting('wal_buffers', '16MB', 'memory', 'a whole segment: bursts of gifts wait for no write'),
    setting('wal_compression', 'pglz', '', 'after a checkpoint whole pages are logged; packed they cost a third'),
    setting('min_wal_size', '1GB', 'disk', 'segments are used again instead of made anew'),
    setting('max_wal_size', '4GB', 'disk', 'checkpoints come by the clock, not by the crowd'),
    setting('checkpoint_timeout', '15min', 'time', 'fewer whole pages in the log; a crash replays at most this much'),
    setting('checkpoint_completion_target', '0.9', 'part of that time', 'written out evenly, so that nobody meets a wall'),
    setting('synchronous_commit', 'on', '', 'a 2xx means a row that outlives a cut of the power'),
    setting('random_page_cost', '1.1', 'cost of a page', 'on solid disks any page is nearly as near as the next'),
    setting('effective_io_concurrency', 200, 'reads at once', 'solid disks answer many at once'),
    setting('max_worker_processes', between(8, cores * 2, 64), 'processes', 'helpers of queries and of extensions'),
    setting('max_parallel_workers', helpers, 'processes', 'no more helpers than cores'),
    setting(
      'max_parallel_workers_per_gather',
      between(1, cores / 2, 4),
      'processes',
      'one report leaves half of the cores to those who give',
    ),
    setting('jit', 'off', '', 'short questions: compiling would take longer than answering'),
    setting('autovacuum_naptime', '10s', 'time', 'queues and counters grow old within seconds'),
    setting('autovacuum_vacuum_scale_factor', '0.05', 'part of a table', 'large tables are cleaned before a fifth of them is dead'),
    setting('autovacuum_analyze_scale_factor', '0.02', 'part of a table', 'plans follow what a campaign brings'),
    setting('autovacuum_vacuum_cost_delay', '1ms', 'time', 'cleaning keeps up with writing'),
    setting('tcp_keepalives_idle', 60, 'seconds', 'clients that vanished give their connection back'),
    setting('log_min_duration_statement', '500ms', 'time', 'what is slow is seen before it is late'),
    setting('log_lock_waits', 'on', '', 'who waits for whom over a second'),
    setting('log_temp_files', '16MB', 'disk', 'sorts that did not fit'),
    setting('track_io_timing', 'on', '', 'EXPLAIN (ANALYZE, BUFFERS) tells what the disk took'),
  ];
}

export const roleSettings = [
  ['statement_timeout', '10s', 'PG_STATEMENT_TIMEOUT_MS of the application: PgBouncer would lose it'],
  ['lock_timeout', '3s', 'PG_LOCK_TIMEOUT_MS of the application'],
  ['idle_in_transaction_session_timeout', '15s', 'a transaction that nobody ends holds its locks no longer'],
] as const;

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** The text of postgresql_tuning.sql: for psql as a superuser, any number of times. */
export function tuningSql(machine: Machine, role: string): string {
  const { memoryMb, cores, connections } = machine;
  const lines = tuningFor(machine).map(
    ({ name, value, unit, why }) => `-- ${unit ? `${unit}; ` : ''}${why}\nALTER SYSTEM SET ${name} = ${quoted(value)};`,
  );
  const forRole = roleSettings.map(
    ([name, value, why]) => `    -- ${why}\n    EXECUTE format('ALTER ROLE %I SET ${name} = %L', application, '${value}');`,
  );
  return `-- PostgreSQL 15 or later, on a machine of its own with ${megabytes(memoryMb)} of memory, ${cores} cores and ${connections} connections.
-- For other machines: npm run -s tune -- --memory 16GB --cores 8 > tuning.sql. Measured: npm run tune -- --compare.
-- As a superuser: psql -X -v ON_ERROR_STOP=1 -f postgresql_tuning.sql. Running it again changes nothing more.
-- What it sets lies in postgresql.auto.conf; ALTER SYSTEM RESET ALL takes all of it back.

${lines.join('\n\n')}

-- Of the role by which the application comes; migrations set theirs aside by themselves.
DO $$
DECLARE application text := ${quoted(role)};
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = application) THEN
${forRole.join('\n')}
  END IF;
END
$$;

SELECT pg_reload_conf();

-- These wait for a restart.
SELECT name, setting FROM pg_settings WHERE pending_restart ORDER BY name;
`;
}
