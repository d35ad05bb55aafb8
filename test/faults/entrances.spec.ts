import { afterAll, beforeAll, expect, it } from 'vitest';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { farOr } from '../support/drills.js';
import { eventually } from '../support/lab.js';
import { startSystem, type System } from '../support/system.js';

const KILLS = farOr(10, 3);
const CLIENTS = 20;
/** Longer than a busy machine takes for a list, and shorter than anybody waits who is not answered. */
const HANGS_MS = 15_000;

let system: System;
let url: string;
beforeAll(async () => {
  system = startSystem({ env: { WORKERS: '2', RATE_LIMIT_IP_PER_MINUTE: '0', LOG_LEVEL: 'error' } });
  ({ url } = await system.ready());
}, 90_000);
afterAll(() => system.end());

const answerers = () =>
  system.processes().filter(({ pid }) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('MUTIRAO_PART=requests'));

/** How many descriptors of the one socket that listens there a process has. */
function entrancesOf(pid: number): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
  const listening = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${port}`) && fields[3] === '0A')
    .map((fields) => `socket:[${fields[9]}]`);
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return listening.includes(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

it('each process has several entrances, as it takes one connection at each in a turn of its loop', async () => {
  await eventually(
    () => Promise.resolve(answerers().map(({ pid }) => entrancesOf(pid))),
    (all) => all.length === 2 && all.every((many) => many === 8),
  );
});

it('where the process that looks after them stands still, whoever comes is answered all the same', async () => {
  const [supervisor] = system.processes().filter(({ command }) => command.includes('cluster.js'));
  process.kill(supervisor!.pid, 'SIGSTOP');
  try {
    for (let n = 0; n < 20; n += 1) {
      const answer = await fetch(`${url}/health/live`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(HANGS_MS) });
      expect(answer.status).toBe(200);
    }
  } finally {
    process.kill(supervisor!.pid, 'SIGCONT');
  }
});

it('a connection that a process has just taken ends with it, answered or not', async () => {
  const over = new AbortController();
  const hung: string[] = [];
  /** Each time over a new connection, as many browsers do. */
  const keepAsking = async () => {
    while (!over.signal.aborted) {
      const signal = AbortSignal.timeout(HANGS_MS);
      await fetch(`${url}/api/v1/plans`, { headers: { connection: 'close' }, signal })
        .then((answer) => answer.text())
        .catch((fault: unknown) => {
          if (signal.aborted) hung.push(String(fault));
        });
    }
  };
  const asking = Array.from({ length: CLIENTS }, keepAsking);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const replaced = system.lines.filter(({ msg }) => msg === 'a process ended, another takes its place').length;
    process.kill(answerers()[0]!.pid, 'SIGKILL');
    await system.line(() => system.lines.filter(({ msg }) => msg === 'a process ended, another takes its place').length > replaced);
    await eventually(
      () =>
        fetch(`${url}/health/live`, { signal: AbortSignal.timeout(HANGS_MS) }).then(
          ({ ok }) => ok,
          () => false,
        ),
      (isThere) => isThere && answerers().length === 2,
    );
  }
  over.abort();
  await Promise.all(asking);
  expect(hung).toEqual([]);
});
