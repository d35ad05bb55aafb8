import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './lab.js';

const SLOTS = 16_384;

/** Three private masters that share the keys. */
export async function freshRedisCluster(password?: string) {
  const dir = await mkdtemp(join(tmpdir(), 'mutirao-cluster-'));
  const ports = await freePorts(6);
  const servers: ChildProcess[] = [];
  const clients: Redis[] = [];
  const stop = async () => {
    for (const client of clients) client.disconnect();
    await Promise.all(servers.map(end));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    for (const [index, port] of ports.slice(0, 3).entries()) {
      servers.push(await start({ dir, port: String(port), 'cluster-port': String(ports[3 + index]), password }));
      const client = new Redis({ host: '127.0.0.1', port, password });
      client.on('error', () => undefined);
      clients.push(client);
    }
    await Promise.all(clients.map((client, index) => shareOut(client, index, clients.length)));
    for (const index of [1, 2]) await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(ports[index]), String(ports[3 + index]));
    for (const client of clients)
      await eventually(
        () => client.cluster('INFO'),
        (info) => /cluster_state:ok[^]*cluster_known_nodes:3[^]*cluster_size:3/.test(info),
      );
  } catch (fault) {
    await stop();
    throw fault;
  }
  return {
    url: `redis+cluster://${password ? `:${encodeURIComponent(password)}@` : ''}127.0.0.1:${ports[0]},127.0.0.1:${ports[1]}`,
    /** A connection to each node, to look into it. */
    nodes: clients,
    /** The keys of each node. */
    keys: () => Promise.all(clients.map((client) => client.keys('*'))),
    freeze: (node: number) => servers[node]!.kill('SIGSTOP'),
    thaw: (node: number) => servers[node]!.kill('SIGCONT'),
    stop,
  };
}

async function start({
  dir,
  port,
  password,
  ...more
}: {
  dir: string;
  port: string;
  password: string | undefined;
  'cluster-port': string;
}) {
  const settings = {
    port,
    bind: '127.0.0.1',
    dir,
    save: '',
    'cluster-enabled': 'yes',
    'cluster-config-file': `nodes-${port}.conf`,
    'cluster-node-timeout': '30000',
    'maxmemory-policy': 'noeviction',
    ...(password ? { requirepass: password, masterauth: password } : {}),
    ...more,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const chunk of server.stdout) if (/ready to accept/i.test(String(chunk))) break;
  server.stdout.resume();
  return server;
}

async function shareOut(client: Redis, index: number, among: number): Promise<void> {
  const first = Math.floor((SLOTS * index) / among);
  const last = Math.floor((SLOTS * (index + 1)) / among) - 1;
  await client.cluster('ADDSLOTSRANGE', first, last);
  await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  await gone;
}

/** Held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const doors = await Promise.all(
    Array.from({ length: count }, async () => {
      const door = createServer();
      await once(door.listen(0, '127.0.0.1'), 'listening');
      return door;
    }),
  );
  const ports = doors.map((door) => (door.address() as AddressInfo).port);
  await Promise.all(doors.map((door) => once(door.close(), 'close')));
  return ports;
}
