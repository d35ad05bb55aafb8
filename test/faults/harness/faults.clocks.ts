import { pause } from '../../../src/kernel/waiting.js';
import { send } from './asking.js';
import { everything, fault, type Ground } from './fault.js';
import { newcomers } from './people.js';

const AHEAD_MS = 300_000;
const LASTS_SECONDS = 12;
/** What the registration itself takes. */
const ABOUT_MS = 30_000;

const doorOf = ({ port }: { port: number }) => `http://127.0.0.1:${port}`;

/** When a token was signed, as its signer's clock had it. */
const signedAtMs = (token: string) =>
  1_000 * (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { iat: number }).iat;

/** Signs in where the clock is wrong, and asks who he is there and where it is right. */
async function visit(ahead: string, right: string) {
  const [person] = await newcomers(ahead, 1);
  const { token, address } = person!;
  const ask = async (url: string) => (await send(url, { path: '/api/v1/users/me', token, address })).status;
  const put = Math.round((signedAtMs(token) - Date.now()) / 1_000);
  return { put, answers: [await ask(ahead), await ask(right)], ask };
}

async function jump({ site, draw, note }: Ground) {
  const [first, second] = site.instances;
  const [jumping, right] = draw() < 0.5 ? [first, second] : [second, first];
  const visitOne = () => visit(doorOf(jumping), doorOf(right));
  const put = (ms: number) =>
    jumping.putClock(ms).catch(async (fault: unknown) => {
      await jumping.putClock(0).catch(() => undefined);
      throw fault;
    });
  await put(AHEAD_MS);
  const early = visitOne();
  // Whoever signs in does so while the clock is ahead; where that cannot be, nobody waits for it for ever.
  await Promise.all([pause(LASTS_SECONDS * 1_000), Promise.race([early.catch(() => undefined), pause(ABOUT_MS)])]);
  await put(-AHEAD_MS);
  const late = early.then(async ({ ask }) => [await ask(doorOf(jumping)), await visitOne()] as const);
  return async () => {
    await Promise.race([Promise.allSettled([early, late]), pause(ABOUT_MS)]);
    await jumping.putClock(0);
    const forward = await early;
    const [again, back] = await late;
    const statuses = [...forward.answers, again, ...back.answers];
    note(`tokens were signed ${forward.put} s ahead, and then ${-back.put} s behind; all were good at both instances`);
    if ([forward.put * 1_000 - AHEAD_MS, back.put * 1_000 + AHEAD_MS].some((apart) => Math.abs(apart) > ABOUT_MS))
      throw new Error(`the clock was put ${forward.put} s, and then ${back.put} s`);
    if (statuses.some((status) => status !== 200)) throw new Error(`whoever signed in was answered ${statuses.join()}`);
  };
}

export const clockFaults = [
  fault({
    name: `the clock of one instance is put ${AHEAD_MS / 60_000} minutes ahead, then as many behind, then right`,
    promise: 'nobody notices; who signed in meanwhile stays signed in at both',
    ...{ seconds: LASTS_SECONDS, spares: everything, backSeconds: 1, mixes: true },
    inject: jump,
  }),
];
