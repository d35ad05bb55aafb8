import { pause } from '../../../src/kernel/waiting.js';
import { eventually } from '../../support/lab.js';
import { connected, everything, fault, healing, type Fault, type Ground, type Heal } from './fault.js';

/** Whoever waits for longer does so for what stands still. */
const LONG_MS = 1_000;
const TRIES = 5;
/** Used a moment ago by a question of the crowd: the next one of its process takes it, too. */
const LAST_USED = `SELECT pid FROM pg_stat_activity WHERE application_name = 'mutirao-all' AND backend_type = 'client backend'
  AND state = 'idle' AND query LIKE '%FROM campaigns c JOIN users u%' ORDER BY state_change DESC LIMIT 1`;

const waitingIn = ({ asked }: Ground, began: number) =>
  asked().filter(({ at, outcome }) => at >= began && at < performance.now() - LONG_MS && !outcome).length;

/** One by one, until it is one that somebody waits for. */
async function oneSession(ground: Ground): Promise<Heal> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const began = performance.now();
    const [one] = await eventually(
      () => ground.site.rows<{ pid: number }>(LAST_USED),
      ({ length }) => length === 1,
    );
    const pid = one!.pid;
    process.kill(pid, 'SIGSTOP');
    await pause(2 * LONG_MS);
    if (waitingIn(ground, began) > 0)
      return healing(() => {
        const many = waitingIn(ground, began);
        process.kill(pid, 'SIGCONT');
        ground.note(`${many} waited for it at its end`);
      });
    process.kill(pid, 'SIGCONT');
  }
  throw new Error(`nobody waited for any of ${TRIES}`);
}

async function postmaster({ site, note }: Ground) {
  const { engines } = site;
  const pid = engines.postgresPid ?? 0;
  process.kill(pid, 'SIGSTOP');
  const came = { in: false };
  const coming = connected(engines.databaseUrl).then((client) => {
    came.in = true;
    return client.end();
  });
  coming.catch(() => undefined);
  return async () => {
    const early = came.in;
    process.kill(pid, 'SIGCONT');
    await coming;
    note('nobody could connect meanwhile');
    if (early) throw new Error('somebody could connect');
  };
}

export const freezeFaults: Fault[] = [
  fault({
    name: 'one session of PostgreSQL stands still for 8 s',
    promise: 'who is served by it waits and is answered; nobody is refused',
    ...{ seconds: 8, spares: everything, p95Ms: 3_000, backSeconds: 1, mixes: true },
    inject: oneSession,
  }),
  fault({
    name: 'the postmaster alone stands still for 8 s',
    promise: 'nobody can connect, and everyone is served by the sessions that are open',
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    inject: postmaster,
  }),
];
