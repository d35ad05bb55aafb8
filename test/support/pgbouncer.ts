import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { aPort, runTool } from './tools.js';

const NOBODY = 65534;
const WORD = 'a word for tests';

/** The very file of docker/pgbouncer before a server that listens on a socket; only its places are those of this machine. */
export async function startPgbouncer(program: string, databaseUrl: string) {
  const server = new URL(databaseUrl);
  const socket = join(server.searchParams.get('host') ?? '', `.s.PGSQL.${server.searchParams.get('port') ?? '5432'}`);
  // The socket is for its owner only, and PgBouncer refuses to be root.
  const bridge = createServer((link) => {
    const on = connect(socket);
    link.on('error', () => on.destroy()).pipe(on);
    on.on('error', () => link.destroy()).pipe(link);
  }).listen(0, '127.0.0.1');
  await once(bridge, 'listening');
  const behind = (bridge.address() as { port: number }).port;

  const folder = mkdtempSync(join(tmpdir(), 'mutirao-pgbouncer-'));
  chmodSync(folder, 0o755);
  const port = await aPort();
  const places: [string | RegExp, string][] = [
    [/^mutirao = .*$/m, `* = host=127.0.0.1 port=${behind}`],
    ['listen_addr = 0.0.0.0', 'listen_addr = 127.0.0.1'],
    ['listen_port = 6432', `listen_port = ${port}`],
    ['/run/secrets/pgbouncer_users', join(folder, 'users.txt')],
    // Each test file has a database of its own, and so a pool.
    ['min_pool_size = 10', 'min_pool_size = 0'],
  ];
  const ini = places.reduce((text, [from, to]) => text.replace(from, to), readFileSync('docker/pgbouncer/pgbouncer.ini', 'utf8'));
  writeFileSync(join(folder, 'pgbouncer.ini'), ini);
  writeFileSync(join(folder, 'users.txt'), `"postgres" "${WORD}"\n"pgbouncer_stats" "${WORD}"\n`);
  const url = `postgres://postgres:${encodeURIComponent(WORD)}@127.0.0.1:${port}`;
  const answers = async () => {
    const client = new pg.Client({ connectionString: `${url}/postgres`, connectionTimeoutMillis: 1_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const [command, args] = asSomebody(program, [join(folder, 'pgbouncer.ini')]);
  const running = await runTool(command, args, folder, answers);
  return {
    ...running,
    url,
    stop: async () => {
      await running.stop();
      bridge.close();
    },
  };
}

/** In a namespace root is nobody, and still reaches what is its own. */
function asSomebody(program: string, args: string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [program, args];
  const names = ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
  try {
    execFileSync('unshare', [...names, program, '--version'], { stdio: 'ignore' });
    return ['unshare', [...names, program, ...args]];
  } catch {
    return [program, ['--user=nobody', ...args]];
  }
}
