import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
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

it('a connection that was just handed to a process ends with it, answered or not', async () => {
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
