import { Socket } from 'node:net';
import pg from 'pg';
import { processCount, type Config } from '../config/config.js';
import { schema } from '../schema.js';
import { codeOf, fault, ok, reasonOf, warn, type Check, type Finding } from './doctor-finding.js';

const OLDEST = 150_000;
const SKEW_NOTED_MS = 1_000;
const SKEW_HARMFUL_MS = 5_000;
const UNDEFINED_TABLE = '42P01';
const PROBE = 'mutirao_doctor';

const remedies: Record<string, string | undefined> = {
  ECONNREFUSED: 'start the server, or mend host and port',
  ENOENT: 'start the server, or mend the folder of its socket',
  ENOTFOUND: 'mend the host name',
  '28P01': 'mend user and password',
  '28000': 'mend the user, or allow it in pg_hba.conf',
  '3D000': 'create the database, or mend its name',
  '53300': 'raise max_connections, or close what holds them',
  '57P03': 'wait until the server has started',
};

interface Facts {
  version: string;
  number: number;
  now: Date;
  standby: boolean;
  fsync: string;
  synchronous_commit: string;
  full_page_writes: string;
  max_connections: number;
}

export function postgresChecks(config: Config): Check[] {
  const check = (name: string, url: string | undefined, look: (client: pg.Client) => Promise<Finding[]>): Check[] =>
    url === undefined
      ? []
      : [
          {
            about: name,
            whenSilent: `see whether the server answers others, or mend its address`,
            run: (signal) => connected(name, url, signal, look),
          },
        ];
  const direct = config.DATABASE_DIRECT_URL ?? config.DATABASE_URL;
  return [
    ...check('DATABASE_URL', config.DATABASE_URL, (client) => master(client, config)),
    ...check('DATABASE_DIRECT_URL', config.DATABASE_DIRECT_URL, async (client) => [
      ok('DATABASE_DIRECT_URL', (await factsOf(client)).version),
    ]),
    ...check('migrations', direct, pendingMigrations),
    ...config.DATABASE_REPLICA_URLS.flatMap((url, index) =>
      check(`replica ${index + 1}`, url, (client) => replica(client, `replica ${index + 1}`)),
    ),
  ];
}

async function connected(
  about: string,
  url: string,
  signal: AbortSignal,
  look: (client: pg.Client) => Promise<Finding[]>,
): Promise<Finding[]> {
  // Held here, as a client that waits for a silent server cannot be ended.
  const socket = new Socket();
  signal.addEventListener('abort', () => socket.destroy());
  const client = new pg.Client({ connectionString: url, stream: () => socket });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    return [fault(about, reasonOf(cause), remedies[codeOf(cause) ?? ''] ?? 'mend the address, or the server')];
  }
  return look(client).finally(() => void client.end().catch(() => undefined));
}

async function factsOf(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<Facts>(`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
      clock_timestamp() AS now, pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync,
      current_setting('synchronous_commit') AS synchronous_commit, current_setting('full_page_writes') AS full_page_writes,
      current_setting('max_connections')::int AS max_connections`);
  return rows[0]!;
}

async function master(client: pg.Client, config: Config): Promise<Finding[]> {
  const asked = Date.now();
  const facts = await factsOf(client);
  const skew = facts.now.getTime() - (asked + Date.now()) / 2;
  const about = 'DATABASE_URL';
  return [
    facts.number < OLDEST
      ? fault(about, `PostgreSQL ${facts.version}`, 'use 15 or later')
      : ok(about, `PostgreSQL ${facts.version} answers`),
    await writes(client, facts),
    ...(['fsync', 'synchronous_commit', 'full_page_writes'] as const).map((name) => safety(name, facts[name])),
    skewFinding(skew),
    room(config, facts.max_connections),
  ];
}

/** A table that is never seen: its transaction is taken back. */
async function writes(client: pg.Client, { standby }: Facts): Promise<Finding> {
  const about = 'database writes';
  if (standby) return fault(about, 'this server is a standby and takes none', 'point DATABASE_URL to the primary');
  try {
    await client.query(`BEGIN; CREATE TABLE ${PROBE} (one int); INSERT INTO ${PROBE} VALUES (1); ROLLBACK`);
    return ok(about, 'taken');
  } catch (cause) {
    return fault(about, reasonOf(cause), 'let this user create and write tables');
  }
}

const safety = (name: string, value: string): Finding =>
  value === 'off' ? fault(name, 'off, so a crash can lose what was committed', `set ${name} = on in postgresql.conf`) : ok(name, value);

export function skewFinding(ms: number): Finding {
  const about = 'clock of the database';
  const apart = `${(Math.abs(ms) / 1000).toFixed(1)} s ${ms < 0 ? 'behind' : 'ahead of'} ours`;
  const todo = 'let NTP set both clocks';
  if (Math.abs(ms) >= SKEW_HARMFUL_MS) return fault(about, apart, todo);
  return Math.abs(ms) >= SKEW_NOTED_MS ? warn(about, apart, todo) : ok(about, apart);
}

/** All pools full at once; behind a pooler the server's own limit says nothing. */
function room(config: Config, most: number): Finding {
  const about = 'connections';
  const processes = processCount(config);
  const wanted = processes * config.PGPOOL_MAX_CONNECTIONS;
  if (config.DATABASE_DIRECT_URL !== undefined || wanted < most) return ok(about, `at most ${wanted} of ${most}`);
  return warn(
    about,
    `this instance may want ${wanted}, the server allows ${most}`,
    'lower PGPOOL_MAX_CONNECTIONS, or raise max_connections',
  );
}

async function pendingMigrations(client: pg.Client): Promise<Finding[]> {
  const known = (schema.migrations as (new () => { name?: string })[]).map((migration) => new migration().name ?? migration.name);
  const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations').catch((cause: unknown) => {
    if (codeOf(cause) === UNDEFINED_TABLE) return { rows: [] };
    throw cause;
  });
  const done = new Set(rows.map(({ name }) => name));
  const pending = known.filter((name) => !done.has(name));
  const foreign = [...done].filter((name) => !known.includes(name));
  const about = 'migrations';
  if (foreign.length > 0)
    return [warn(about, `the database knows ${foreign.join(', ')}, this version does not`, 'run the version that made them')];
  if (pending.length > 0) return [warn(about, `${pending.length} pending`, 'npm run migrate (npm start does it too)')];
  return [ok(about, `all ${known.length} done`)];
}

async function replica(client: pg.Client, about: string): Promise<Finding[]> {
  const { version, standby } = await factsOf(client);
  return [standby ? ok(about, `PostgreSQL ${version} answers`) : warn(about, 'it is no standby', 'mend DATABASE_REPLICA_URLS')];
}
