import type { Manner } from '../../support/fault-proxy.js';
import { eventually } from '../../support/lab.js';
import { breakLinks, oneOf } from './broken-links.js';
import { everything, fault, type Fault, type Ground, type Heal } from './fault.js';
import type { Asked, Kind } from './journal.js';
import type { Outside } from './site.js';

const GIFTS = 40;
/** The bank has four for a question with all its tries. */
const MOST_CHARGE_MS = 5_000;
const LETTERS = 4;
const MOST_LETTER_MS = 30_000;
const MOST_MESSAGE_MS = 30_000;

const badly =
  (to: Outside, manner: Manner) =>
  ({ site, note }: Ground): Promise<Heal> =>
    breakLinks([site.outside[to]], manner, note);

/** What was asked of this from now on. */
function from({ asked }: Ground, kind: Kind): () => Asked[] {
  const began = performance.now();
  return () => asked().filter((one) => one.kind === kind && one.at >= began);
}

/** Many give while the bank is so: whoever is refused is so in time. */
const givingWhile = (manner: Manner) => async (ground: Ground) => {
  const { site, crowd, draw, note } = ground;
  const gifts = from(ground, 'gifts');
  const heal = await badly('bank', manner)(ground);
  const given = Promise.all(Array.from({ length: GIFTS }, () => crowd.give(oneOf(site.campaigns, draw), draw)));
  return async () => {
    const refused = gifts().filter(({ outcome }) => outcome?.verdict === 'refused');
    await heal();
    ground.well();
    const slowestMs = refused.reduce((most, { outcome }) => Math.max(most, Math.round(outcome!.ms)), 0);
    note(`${refused.length} were refused, the slowest after ${slowestMs} ms`);
    if (refused.length === 0 || slowestMs > MOST_CHARGE_MS) throw new Error(`${refused.length} were refused, one after ${slowestMs} ms`);
    const without = (await given).filter((made) => !made).length;
    if (without > 0) throw new Error(`${without} of ${GIFTS} never got their gift through`);
  };
};

/** Messages that were taken while Meta is so; what became of them when it is well again is for `judged`. */
const writingWhile = (manner: Manner, judged: (ground: Ground, ids: string[]) => Promise<void>) => async (ground: Ground) => {
  const messages = from(ground, 'messages');
  const heal = await badly('Meta', manner)(ground);
  return async () => {
    const ids = messages().flatMap(({ outcome }) => (outcome?.verdict === 'right' ? [outcome.id!] : []));
    await heal();
    ground.well();
    await judged(ground, ids);
  };
};

const statesOf = async ({ site }: Ground, ids: readonly string[]) =>
  (await site.rows<{ state: string }>('SELECT state FROM whatsapp_messages WHERE id = ANY($1::uuid[])', [ids])).map(({ state }) => state);

async function allSent(ground: Ground, ids: string[]): Promise<void> {
  const began = performance.now();
  await eventually(
    () => statesOf(ground, ids),
    (states) => states.length > 0 && states.every((state) => state === 'sent'),
    MOST_MESSAGE_MS,
  );
  ground.note(`all ${ids.length} messages of this time were sent ${Math.ceil((performance.now() - began) / 1_000)} s after it`);
}

async function someUnknown(ground: Ground, ids: string[]): Promise<void> {
  const states = await statesOf(ground, ids);
  const unknown = states.filter((state) => state === 'unknown').length;
  ground.note(`of ${ids.length} messages ${unknown} are unknown`);
}

/** People join while the post is so: each gets his letter, once. */
const joiningWhile = (manner: Manner) => async (ground: Ground) => {
  const { site, note } = ground;
  const heal = await badly('post', manner)(ground);
  const joined = site.newcomers(LETTERS);
  joined.catch(() => undefined);
  return async () => {
    await heal();
    ground.well();
    const began = performance.now();
    const people = await joined;
    const letters = () => people.map(({ email }) => site.post.received.filter(({ to }) => to.includes(email)).length);
    await eventually(
      () => Promise.resolve(letters()),
      (each) => each.every((many) => many === 1),
      MOST_LETTER_MS,
    );
    note(`${LETTERS} letters came within ${Math.ceil((performance.now() - began) / 1_000)} s after it, each once`);
  };
};

/** Some still wait for their answer when it is made good. */
const waitingWhile = (manner: Manner) => async (ground: Ground) => {
  const questions = from(ground, 'AI');
  const heal = await badly('AI', manner)(ground);
  return async () => {
    const waiting = questions().filter(({ outcome }) => !outcome).length;
    await heal();
    ground.well();
    ground.note(`${waiting} waited`);
    if (waiting === 0) throw new Error('nobody waited');
  };
};

const all = (...but: Kind[]): Kind[] => everything.filter((kind) => !but.includes(kind));

export const outsideFaults: Fault[] = [
  fault({
    name: `nothing passes to the bank for 8 s, while ${GIFTS} people more give`,
    promise: 'who gives is refused after 4 s, then at once, with when to come again, and gives once in the end; others notice nothing',
    ...{ seconds: 8, spares: all('gifts'), backSeconds: 6, mixes: true },
    inject: givingWhile('black hole'),
  }),
  fault({
    name: 'all to and from the bank is 300 ms late for 8 s',
    promise: 'everything is answered, gifts later',
    ...{ seconds: 8, spares: everything, p95Ms: 1_500, backSeconds: 1 },
    inject: badly('bank', { latencyMs: 300 }),
  }),
  fault({
    name: `connections to the bank are reset for 4 s, while ${GIFTS} people more give`,
    promise: 'who gives is refused, with when to come again, and gives once in the end; others notice nothing',
    ...{ seconds: 4, spares: all('gifts'), backSeconds: 6 },
    inject: givingWhile('reset'),
  }),
  fault({
    name: 'nothing passes to Meta for 8 s',
    promise: 'nobody who asks notices; messages wait, and each is sent once',
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    inject: writingWhile('black hole', allSent),
  }),
  fault({
    name: 'all to and from Meta is 300 ms late for 8 s',
    promise: 'nobody who asks notices; each message is sent once',
    ...{ seconds: 8, spares: everything, backSeconds: 1 },
    inject: writingWhile({ latencyMs: 300 }, allSent),
  }),
  fault({
    name: 'connections to Meta are reset for 4 s',
    promise: 'nobody who asks notices; a message whose call had begun is told as unknown and sent by nobody again, the others wait',
    ...{ seconds: 4, spares: everything, backSeconds: 1, endsSenders: true },
    inject: writingWhile('reset', someUnknown),
  }),
  fault({
    name: 'nothing passes to the AI for 8 s',
    promise: 'who asks the AI waits and is answered, others notice nothing',
    ...{ seconds: 8, spares: all('AI'), backSeconds: 1, mixes: true },
    inject: waitingWhile('black hole'),
  }),
  fault({
    name: 'all to and from the AI is 300 ms late for 8 s',
    promise: 'everything is answered, the AI later',
    ...{ seconds: 8, spares: everything, p95Ms: 1_500, backSeconds: 1 },
    inject: badly('AI', { latencyMs: 300 }),
  }),
  fault({
    name: 'connections to the AI are reset for 4 s',
    promise: 'who asks the AI is refused, with when to come again; others notice nothing',
    ...{ seconds: 4, spares: all('AI'), backSeconds: 6, mixes: true },
    inject: badly('AI', 'reset'),
  }),
  fault({
    name: `nothing passes to the post for 8 s, while ${LETTERS} people join`,
    promise: 'nobody who asks notices; each letter comes within 30 s after it, once',
    ...{ seconds: 8, spares: everything, backSeconds: 1, mixes: true },
    inject: joiningWhile('black hole'),
  }),
  fault({
    name: `all to and from the post is 300 ms late for 8 s, while ${LETTERS} people join`,
    promise: 'nobody who asks notices; each letter comes within 30 s after it, once',
    ...{ seconds: 8, spares: everything, backSeconds: 1 },
    inject: joiningWhile({ latencyMs: 300 }),
  }),
];
