import { newId } from '../../../src/kernel/ids.js';
import { pause } from '../../../src/kernel/waiting.js';
import { chance } from '../../load/night/mix.js';
import { ask, type Answer, type Question } from './asking.js';
import { oneOf } from './broken-links.js';
import type { Journal, Kind } from './journal.js';
import { aiKeyOf, stayIn, type Person } from './people.js';
import { AI_MODEL, WEBHOOK_WORD, type Site } from './site.js';

/** Small, so that what is slow is the system and not this machine. */
const READERS = 8;
const DONORS = 4;
const OWN_READERS = 3;
const READ_MS = 120;
const OWN_MS = 300;
const GIVE_MS = 500;
const WRITE_MS = 300;
const ASK_MS = 1_200;
const LIVES = 4;
const LIVE_MS = 160;
const AGAIN_MS = 250;
/** Nobody tries longer than this to do what he began. */
const PATIENCE_MS = 60_000;
/** Whatever nobody works on any more is taken over by then. */
const TAKEN_OVER_MS = 5_000;
const STRANGER = 'somebody';

const lists = ['', '?sort=-raisedCents', '?limit=50', '?q=telhado', '?page=2'];
const own = ['/users/me', '/users/me/donations', '/ai/usage', '/ai/conversations'];
const isOk = ({ status }: Answer) => status === 200;
const itemsOf = ({ json }: Answer): readonly unknown[] => (Array.isArray(json.items) ? (json.items as unknown[]) : []);
/** An empty list, or another campaign than was asked for, is no answer. */
const isCampaigns = (path: string) => (answer: Answer) =>
  isOk(answer) && (path.startsWith('/') ? answer.json.id === path.slice(1) : path === '?page=2' || itemsOf(answer).length > 0);
const isOwn =
  (path: string, { email }: Person) =>
  (answer: Answer) => {
    const { json } = answer;
    if (!isOk(answer)) return false;
    if (path === '/users/me') return json.email === email;
    return path === '/ai/usage' ? typeof json.used === 'number' : Array.isArray(json.items);
  };
const isMade = ({ status, json }: Answer) => status === 201 && typeof json.id === 'string';
const SPENT = 'token_budget_exhausted';
const isSpent = ({ status, json }: Answer) => status === 429 && ((json.error ?? json) as { code?: unknown }).code === SPENT;
/** With an answer to his own question, or told that his budget of the day is spent. */
const isAnswered =
  ({ mark }: Person) =>
  (answer: Answer) =>
    answer.status === 200 ? answer.text.includes(mark) : isSpent(answer);

/** Who asks the AI, as he is, and as a program does it. */
interface Asker {
  person: Person;
  key: string;
}

async function newAsker({ url, newcomers }: Site): Promise<Asker> {
  const [person] = await newcomers(1);
  return { person: person!, key: await aiKeyOf(url, person!) };
}

let givers = 0;
let phones = 0;
const newPhone = () => `+55119${String(80_000_000 + (phones += 1))}`;

/**
 * People who read, give, write and ask at a steady pace until they are told that it is enough; whoever has begun something ends it.
 * Whose budget of the AI is spent is relieved by somebody else, unless he is to stay.
 */
export async function startCrowd(site: Site, journal: Journal, seed: number, { relieved = true } = {}) {
  const { url, campaigns, owner, people } = site;
  const askers = [await newAsker(site), await newAsker(site)];
  const state = { over: false };
  const open = new Set<Promise<unknown>>();
  let turn: Promise<unknown> = Promise.resolve();

  async function stepped(question: Question) {
    await turn;
    const answer = ask(url, journal, question);
    open.add(answer);
    return answer.finally(() => open.delete(answer));
  }

  /** Does this while nobody asks anything. */
  async function between<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(async () => {
      await Promise.all(open);
      return work();
    });
    turn = done.catch(() => undefined);
    return done;
  }

  /** Again and again until it is right, with the same words. */
  async function insist(question: () => Question): Promise<Answer | undefined> {
    const last = performance.now() + PATIENCE_MS;
    while (performance.now() < last) {
      const answer = await stepped(question());
      if (answer.verdict === 'right') return answer;
      await pause(AGAIN_MS);
    }
    return undefined;
  }

  async function pace(thinkMs: number, draw: () => number, step: () => Promise<unknown>): Promise<void> {
    await pause(thinkMs * draw());
    while (!state.over) {
      await step();
      await pause(thinkMs * (0.5 + draw()));
    }
  }

  const reading = (draw: () => number) => () => {
    const isList = draw() < 0.5;
    const [kind, path]: [Kind, string] = isList ? ['lists', oneOf(lists, draw)] : ['campaigns', `/${oneOf(campaigns, draw)}`];
    // Half of them where nginx has no answer at hand.
    const fresh = draw() < 0.5 ? `${path.includes('?') ? '&' : '?'}fresh=${newId()}` : '';
    const address = `198.19.0.${Math.floor(draw() * 250)}`;
    return stepped({ kind, key: path, who: STRANGER, path: `/api/v1/campaigns${path}${fresh}`, address, right: isCampaigns(path) });
  };

  const readingOwn = (draw: () => number) => async () => {
    const person = oneOf([...people, ...askers.map((asker) => asker.person)], draw);
    await stayIn(url, person);
    const path = oneOf(own, draw);
    await stepped({
      kind: 'own',
      key: path,
      who: person.mark,
      path: `/api/v1${path}`,
      token: person.token,
      address: person.address,
      right: isOwn(path, person),
    });
  };

  const giving =
    (person: Person, draw: () => number, wanted?: string, address = person.address) =>
    async () => {
      await stayIn(url, person);
      const key = `${person.mark}${newId()}`;
      const cents = 100 * (1 + Math.floor(draw() * 50));
      const campaign = wanted ?? oneOf(campaigns, draw);
      const body = { amountCents: cents, method: 'pix', message: key };
      let leftAt = -Infinity;
      const wish = (): Question => ({
        ...{ kind: 'gifts', key, who: person.mark, cents, campaign, method: 'POST', path: `/api/v1/campaigns/${campaign}/donations`, body },
        ...{ token: person.token, address, headers: { 'idempotency-key': key }, right: isMade },
        leftJustNow: performance.now() - leftAt < TAKEN_OVER_MS,
      });
      // One in six goes before he is answered, and does not know what came of it.
      if (draw() < 1 / 6) {
        await stepped({ ...wish(), leavesAfterMs: 1 + Math.floor(draw() * 25) });
        leftAt = performance.now();
      }
      const made = await insist(wish);
      if (!made || draw() < 0.2) return made !== undefined;
      await pay((made.json.payment as { txid: string }).txid);
      // And one in six asks once more though he was answered.
      if (draw() < 1 / 6) await insist(wish);
      return true;
    };

  async function pay(txid: string): Promise<void> {
    const { endToEndId } = await site.bank.pay(txid);
    const body = { pix: [{ endToEndId, txid }] };
    const path = `/api/v1/payments/webhooks/pix/${WEBHOOK_WORD}/pix`;
    await insist(() => ({
      kind: 'payments',
      key: endToEndId,
      who: STRANGER,
      method: 'POST',
      path,
      body,
      address: '198.51.100.9',
      right: isOk,
    }));
  }

  const writing = async () => {
    await stayIn(url, owner);
    const key = newId();
    const body = { to: newPhone(), text: `Olá ${key}`, dedupeKey: key };
    const path = '/api/v1/queues/whatsapp/messages';
    const right = ({ status }: Answer) => status === 202 || status === 200;
    const { token, address, mark } = owner;
    await insist(() => ({ kind: 'messages', key, who: mark, method: 'POST', path, body, token, address, right }));
  };

  async function askAI(n: number, path: string, token: string, body: (content: string) => object): Promise<void> {
    const asker = askers[n]!;
    const { mark, address } = asker.person;
    const content = `${mark}${newId()}: quanto falta para o telhado?`;
    const who = { kind: 'AI' as const, key: content, who: mark, address, token };
    const answer = await stepped({ ...who, method: 'POST', path, body: body(content), right: isAnswered(asker.person) });
    if (!relieved || !isSpent(answer) || askers[n] !== asker) return;
    // Where nobody can join now, the next question finds out again that there is nothing left.
    const next = await newAsker(site).catch(() => asker);
    if (askers[n] === asker) askers[n] = next;
  }

  const asking = (n: number) => async () => {
    await stayIn(url, askers[n]!.person);
    await askAI(n, '/api/v1/ai/chat', askers[n]!.person.token, (message) => ({ message }));
  };

  /** As a program made for OpenAI does it, with a key of its own. */
  const passing = (n: number) => () =>
    askAI(n, '/v1/chat/completions', askers[n]!.key, (content) => ({
      model: AI_MODEL,
      temperature: 0,
      messages: [{ role: 'user', content }],
    }));

  const living = () => stepped({ kind: 'live', key: 'live', who: STRANGER, path: '/health/live', address: '198.51.100.8', right: isOk });

  let actors = 0;
  const actor = (thinkMs: number, step: (draw: () => number) => () => Promise<unknown>) => {
    const draw = chance(seed + (actors += 1));
    return pace(thinkMs, draw, step(draw));
  };
  const all = [
    ...Array.from({ length: READERS }, () => actor(READ_MS, reading)),
    ...Array.from({ length: OWN_READERS }, () => actor(OWN_MS, readingOwn)),
    ...people.slice(0, DONORS).map((person) => actor(GIVE_MS, (draw) => giving(person, draw))),
    ...askers.flatMap((_, n) => [actor(ASK_MS, () => asking(n)), actor(ASK_MS, () => passing(n))]),
    actor(WRITE_MS, () => writing),
    ...Array.from({ length: LIVES }, () => actor(LIVE_MS, () => living)),
  ];
  return {
    between,
    /** One gift more, to this campaign, from an address that nobody else has. */
    give: (campaign: string, draw: () => number) => giving(oneOf(people, draw), draw, campaign, `198.19.1.${(givers += 1) % 250}`)(),
    /** Resolves when nobody waits for anything any more. */
    async stop(): Promise<void> {
      state.over = true;
      await Promise.all(all);
    },
  };
}

export type Crowd = Awaited<ReturnType<typeof startCrowd>>;
