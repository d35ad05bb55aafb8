export const aims = ['write', 'read files', 'reach out', 'look inside', 'endless', 'huge'] as const;
export type Aim = (typeof aims)[number];

export interface Attack {
  aim: Aim;
  sql: string;
}

interface Place {
  /** A file of the exported data. */
  parquet: string;
  folder: string;
  /** Where somebody listens who must never hear anything. */
  port: number;
}

const of = (aim: Aim, ...statements: string[]): Attack[] => statements.map((sql) => ({ aim, sql }));

/** What somebody tries who may ask in SQL, and means harm. */
export const attacks = ({ parquet, folder, port }: Place): Attack[] => [
  ...of(
    'write',
    'DROP VIEW donations',
    'DELETE FROM donations',
    'CREATE TABLE mine AS SELECT * FROM donations',
    `CREATE OR REPLACE VIEW donations AS SELECT 1 AS amount_cents`,
    `COPY donations TO '${folder}/stolen.csv'`,
    `COPY (SELECT 1) TO '${parquet}' (FORMAT parquet)`,
    `EXPORT DATABASE '${folder}/all'`,
    'INSERT INTO store.donations SELECT * FROM store.donations',
    `SELECT 1; COPY (SELECT 1) TO '${folder}/second.csv'`,
    'SELECT 1; DROP VIEW donations',
    'WITH gone AS (DELETE FROM donations RETURNING *) SELECT * FROM gone',
    `SET memory_limit = '64GB'`,
    'RESET lock_configuration',
    'PRAGMA enable_external_access = true',
    'CREATE MACRO count(x) AS 0',
    'CHECKPOINT',
    "SELECT write_log('x')",
    "SELECT set_config('threads', '64', false)",
    'PREPARE later AS SELECT 1',
    'BEGIN TRANSACTION',
  ),
  ...of(
    'read files',
    `SELECT * FROM '${parquet}'`,
    `SELECT * FROM read_parquet('${parquet}')`,
    `FROM read_csv('/etc/passwd')`,
    `SELECT * FROM read_text('/etc/passwd')`,
    `SELECT * FROM read_blob('/proc/self/environ')`,
    `SELECT * FROM glob('/*')`,
    `SELECT * FROM "/etc/passwd"`,
    `SELECT * FROM read_json_auto('${folder}/manifest.json')`,
    `SELECT * FROM parquet_metadata('${parquet}')`,
    `SELECT * FROM sniff_csv('/etc/passwd')`,
    `SELECT getenv('SECRET_KEY')`,
    `SELECT (SELECT content FROM read_text('/etc/hostname')) AS host FROM donations`,
    `SELECT * FROM donations WHERE amount_cents IN (SELECT length(content) FROM read_text('/etc/hostname'))`,
    `WITH a AS MATERIALIZED (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM a`,
    `SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')`,
  ),
  ...of(
    'reach out',
    `SELECT * FROM read_csv('http://127.0.0.1:${port}/x.csv')`,
    `SELECT * FROM 'http://127.0.0.1:${port}/x.parquet'`,
    `ATTACH 'http://127.0.0.1:${port}/x.db' AS far`,
    `ATTACH 'postgres://postgres@127.0.0.1:${port}/x' AS far (TYPE postgres)`,
    'INSTALL httpfs',
    `LOAD '${folder}/evil.duckdb_extension'`,
    `COPY (SELECT * FROM donations) TO 'http://127.0.0.1:${port}/take'`,
  ),
  ...of(
    'look inside',
    'SELECT * FROM store.donations',
    'SELECT owner_id FROM campaigns',
    'SELECT * FROM duckdb_settings()',
    'SELECT * FROM information_schema.tables',
    'WITH pg_class AS (SELECT * FROM pg_class) SELECT * FROM pg_class',
    'SELECT * FROM (WITH pg_views AS (SELECT 1) SELECT * FROM pg_views) AS a, pg_views',
    'SELECT * FROM sqlite_master',
    // A sign that small letters of JavaScript take for a k, and DuckDB does not.
    'WITH "duc\u212adb_views" AS (SELECT 1) SELECT sql FROM duckdb_views',
    `WITH "/proc/sys/\u212aernel/../../..${parquet}" AS (SELECT 1) SELECT * FROM "/proc/sys/kernel/../../..${parquet}"`,
    `WITH "${parquet}" AS (SELECT 1) SELECT * FROM "${parquet}"`,
    "SELECT current_setting('allowed_paths')",
    'DESCRIBE store.donations',
    'SHOW ALL TABLES',
  ),
  ...of(
    'endless',
    'WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t',
    'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n FROM t) SELECT * FROM t',
    'SELECT count(*) FROM range(9000000000000000000)',
    'SELECT sum(a.amount_cents * b.amount_cents % c.amount_cents) FROM donations a, donations b, donations c',
    'SELECT sleep_ms(60000)',
  ),
  ...of(
    'huge',
    "SELECT repeat('x', 2000000000)",
    'SELECT list(range) FROM range(10000000000)',
    "SELECT string_agg(a.campaign_id || b.campaign_id, ',') FROM donations a, donations b",
    'SELECT count(DISTINCT a.range * 1000003 + b.range) FROM range(1000000) a, range(1000000) b',
    'SELECT a.range AS n FROM range(100000) a, range(100000) b ORDER BY (a.range * 7919 + b.range) % 1000003 LIMIT 1 OFFSET 9000000000',
  ),
];

export const scorecard = (judged: readonly (Attack & { verdict: string })[]): string => {
  const row = ({ sql, verdict }: { sql: string; verdict: string }) => `| \`${sql.replaceAll('|', '\\|')}\` | ${verdict} |`;
  const parts = aims.flatMap((aim) => {
    const own = judged.filter((one) => one.aim === aim);
    return [`## ${aim} (${own.length})`, '', '| tried | said |', '| --- | --- |', ...own.map(row), ''];
  });
  return [
    '# Attacks on business questions',
    '',
    `Written by \`test/api/analytics-attacks.spec.ts\`: ${judged.length} statements that an admin sends to \`POST /api/v1/analytics/query\`, each refused with 422 \`sql_refused\`.`,
    'Afterwards no file had changed, none had come, nobody had been reached, and the next question was answered.',
    '',
    ...parts,
  ].join('\n');
};
