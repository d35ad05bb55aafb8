import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { Engines } from '../embedded/engines.js';
import { onPath } from '../embedded/programs.js';
import { createLog } from '../observability/log.js';
import { tuningFor, type Machine } from './tuning.js';

const run = promisify(execFile);
const CLIENTS = 16;

export class CannotTune extends Error {
  override readonly name = 'CannotTune';
}

interface Outcome {
  perSecond: number;
  latencyMs: number;
}

export interface Extent {
  seconds: number;
  /** Hundred thousand accounts each, about 16 MB. */
  scale: number;
}

/** pgbench's own transaction on a server as it comes, and on the same one told what tuning says. */
export async function compare(machine: Machine, extent: Extent, path: string | undefined, out: (line: string) => void): Promise<void> {
  const pgbench = onPath(['pgbench'], path);
  if (pgbench === undefined) throw new CannotTune('pgbench is not on PATH: sudo apt-get install -y postgresql-client; then again.');
  const dataDir = await mkdtemp(join(tmpdir(), 'mutirao-tune-'));
  try {
    out(
      `PostgreSQL with ${machine.memoryMb} MB, ${machine.cores} cores; ${CLIENTS} clients, ${extent.seconds} s each, scale ${extent.scale}.`,
    );
    // Each on tables of its own, after a start and a warm-up: else the second one has what the first left behind.
    const before = await withServer(dataDir, async (url) => {
      const outcome = await measured(pgbench, url, extent);
      await tell(url, machine);
      return outcome;
    });
    out(`before: ${said(before)}`);
    const after = await withServer(dataDir, (url) => measured(pgbench, url, extent));
    out(`after:  ${said(after)}`);
    out(`factor: ${(after.perSecond / before.perSecond).toFixed(2)}`);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

const said = ({ perSecond, latencyMs }: Outcome) => `${Math.round(perSecond)} transactions/s, ${latencyMs.toFixed(1)} ms each on average`;

async function withServer<T>(dataDir: string, work: (url: string) => Promise<T>): Promise<T> {
  const log = createLog({ LOG_LEVEL: 'error', DEBUG: false }, 'tune');
  const engines = new Engines({ dataDir, postgres: true, redis: false, maxConnections: 0, tuned: false, env: {} }, log);
  try {
    const { DATABASE_URL = '' } = await engines.start();
    return await work(DATABASE_URL);
  } finally {
    await engines.stop();
  }
}

async function tell(url: string, machine: Machine): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const { name, value } of tuningFor(machine)) await client.query(`ALTER SYSTEM SET ${name} = ${client.escapeLiteral(value)}`);
  } finally {
    await client.end();
  }
}

async function measured(pgbench: string, url: string, { seconds, scale }: Extent): Promise<Outcome> {
  const load = (time: number) => run(pgbench, [`--client=${CLIENTS}`, '--jobs=2', `--time=${time}`, '--no-vacuum', url]);
  await run(pgbench, ['--initialize', '--quiet', `--scale=${scale}`, url]);
  await load(Math.ceil(seconds / 2));
  const { stdout } = await load(seconds);
  const [, perSecond] = /^tps = ([\d.]+)/m.exec(stdout) ?? [];
  const [, latencyMs] = /^latency average = ([\d.]+)/m.exec(stdout) ?? [];
  if (perSecond === undefined || latencyMs === undefined) throw new CannotTune(`pgbench said nothing that is known:\n${stdout}`);
  return { perSecond: Number(perSecond), latencyMs: Number(latencyMs) };
}
