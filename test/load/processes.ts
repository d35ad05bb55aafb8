import autocannon from 'autocannon';
import { spawnLab } from '../support/lab.js';
import { median, residentMb, type Figure } from './figures.js';

type Env = Record<string, string | undefined>;

/** From spawning one request process, engines up, to its first answer. */
export async function coldStart(env: Env): Promise<Figure> {
  const seconds: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const began = performance.now();
    const lab = await spawnLab({ ...env, APP_ROLE: 'api' });
    await fetch(`${lab.url}/health/ready`);
    seconds.push((performance.now() - began) / 1_000);
    await lab.end();
  }
  const middle = median(seconds);
  return {
    what: 'cold start of one api process to its first answer, median of 7',
    measured: `${middle.toFixed(2)} s (${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)})`,
    promise: 'under 1.5 s',
    met: middle < 1.5,
  };
}

const REQUESTS = 100_000;

/** Resident memory after 100,000 requests, and whether it stays there. */
export async function memory(env: Env): Promise<Figure[]> {
  const lab = await spawnLab({ ...env, APP_ROLE: 'all', LOG_LEVEL: 'info' }, { silent: true });
  const pid = lab.process.pid ?? Number.NaN;
  const atStart = residentMb(pid);
  const marks: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    // A missing path goes through router, filter, log and problem; one that exists through everything else.
    await autocannon({ url: `${lab.url}/health/live`, connections: 64, amount: REQUESTS * 0.9 });
    await autocannon({ url: `${lab.url}/nothing/here`, connections: 64, amount: REQUESTS * 0.1 });
    marks.push(residentMb(pid));
  }
  await lab.end();
  const [first = 0, ...rest] = marks;
  const growth = Math.max(...rest) / first;
  return [
    {
      what: `resident memory of one process (role all) after ${REQUESTS} requests`,
      measured: `${first.toFixed(0)} MB (at start ${atStart.toFixed(0)})`,
      promise: 'under 200 MB',
      met: first < 200,
    },
    {
      what: 'the same after 200,000, 300,000, 400,000',
      measured: rest.map((mark) => mark.toFixed(0)).join(', ') + ' MB',
      promise: 'flat: within 10 %',
      met: growth < 1.1,
    },
  ];
}
