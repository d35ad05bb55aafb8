import type { FaultLink, Manner } from '../../support/fault-proxy.js';
import { breakLinks, oneOf } from './broken-links.js';
import { everything, fault, reading, type Fault, type Ground, type Heal } from './fault.js';

/** Whoever waits for longer does so for the link. */
const LONG_MS = 1_000;
const MOST_WAIT = 20;

/** The link of nginx to one of the instances. */
async function one({ site, crowd, draw }: Ground): Promise<FaultLink[]> {
  return [oneOf(await site.edge(crowd.between), draw)];
}

const badly =
  (manner: Manner) =>
  async (ground: Ground): Promise<Heal> =>
    breakLinks(await one(ground), manner, ground.note);

async function swallowing(ground: Ground): Promise<Heal> {
  const { asked, note } = ground;
  const well = await badly('black hole')(ground);
  return async () => {
    const waiting = asked().filter(({ at, outcome }) => at < performance.now() - LONG_MS && !outcome).length;
    await well();
    note(`${waiting} waited for it, all others went to the other instance`);
    if (waiting === 0 || waiting > MOST_WAIT) throw new Error(`${waiting} waited for it`);
  };
}

export const edgeFaults: Fault[] = [
  fault({
    name: 'nothing passes from nginx to one instance for 8 s',
    promise: `at most ${MOST_WAIT} wait for it, and are answered; all others are served by the other instance, and nobody is refused`,
    ...{ seconds: 8, spares: everything, p95Ms: 8_500, backSeconds: 1, mixes: true },
    inject: swallowing,
  }),
  fault({
    name: 'connections of nginx to one instance are reset for 4 s',
    promise:
      'who reads notices nothing; what may be sent only once is refused, with when to come again, until nginx leaves that instance alone',
    ...{ seconds: 4, spares: reading, backSeconds: 1, mixes: true },
    inject: badly('reset'),
  }),
  fault({
    name: 'all between nginx and one instance is 100 ms late for 8 s',
    promise: 'everything is answered, in part later',
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    inject: badly({ latencyMs: 100 }),
  }),
];
