import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import { booksOf } from './donations.js';
import { type Answer, MOST_MS, type Site, type Wished } from './gifts.site.js';
import { newEmail } from './people.js';

/** Nobody tries longer to give; a system that is well again by then would have taken it. */
const PATIENCE_MS = 60_000;

/** What the provider tells of a gift: all at once, so in any order. */
const stories: Record<string, ['paid' | 'failed', number][]> = {
  paid: [['paid', 1]],
  doubled: [
    ['paid', 1],
    ['paid', 1],
    ['paid', 2],
  ],
  recovered: [
    ['failed', 1],
    ['paid', 2],
  ],
  failed: [['failed', 1]],
  left: [],
};
const fates = ['paid', 'doubled', 'pay', 'recovered', 'paid', 'failed', 'doubled', 'left'];

/** Somebody wants to give: what he sent, and what he was told of it. */
export interface Gift extends Wished {
  fate: string;
  email: string;
  amountCents: number;
  /** Acknowledged. */
  id?: string;
  text?: string;
  /** Acknowledged, too. */
  events: Set<string>;
}

export const isPaid = ({ fate }: Gift): boolean => !['failed', 'left'].includes(fate);

/** Everything that was wanted and everything that was said, to be compared with what is there in the end. */
export class Journal {
  readonly gifts: Gift[] = [];
  /** What no client should ever see. */
  readonly odd: string[] = [];
  /** By code. */
  readonly refused: Record<string, number> = {};
  /** Questions under which a process died. */
  broken = 0;
  /** Sums that were acknowledged, and when. */
  readonly paid: { at: number; cents: number }[] = [];
  wantedCents = 0;

  constructor(readonly campaignId: string) {}

  get acknowledged(): number {
    return this.gifts.filter(({ id }) => id !== undefined).length;
  }

  /** What was surely paid by then. */
  paidBy(at: number): number {
    return this.paid.findLast((one) => one.at <= at)?.cents ?? 0;
  }

  intend(email: string, n = this.gifts.length): Gift {
    const fate = fates[n % fates.length]!;
    const key = newId();
    const amountCents = 100 * ((n % 50) + 1);
    const body = { amountCents, method: n % 3 ? 'pix' : 'card', message: key, donor: { name: 'Bruno Lima', email } };
    const gift: Gift = { key, fate, email, amountCents, body, how: fate === 'pay' ? 'pay' : 'never', events: new Set() };
    this.gifts.push(gift);
    if (isPaid(gift)) this.wantedCents += amountCents;
    return gift;
  }

  /** Whether it was what was hoped for; whatever else was said is written down. */
  hears(what: string, answer: Answer | undefined, status: number): answer is Answer {
    if (!answer) this.broken += 1;
    else {
      if (answer.ms > MOST_MS) this.odd.push(`${what}: answered after ${Math.round(answer.ms)} ms`);
      if (answer.status === status) return true;
      const code = String(answer.json.code);
      const isLater = answer.status === 503 || code === 'idempotency_in_progress';
      if (isLater && Number(answer.headers.get('retry-after')) > 0) this.refused[code] = (this.refused[code] ?? 0) + 1;
      else this.odd.push(`${what}: ${answer.status} ${answer.text}`);
    }
    return false;
  }
}

/** As one who tries again, with the same words, at whichever process. */
async function insist(journal: Journal, what: string, status: number, ask: (at: number) => Promise<Answer | undefined>): Promise<Answer> {
  const last = performance.now() + PATIENCE_MS;
  for (let at = Math.floor(Math.random() * 2); performance.now() < last; at += 1) {
    const answer = await ask(at);
    if (journal.hears(what, answer, status)) return answer;
    await pause(100);
  }
  throw new Error(`${what}: not done in ${PATIENCE_MS} ms; ${journal.odd.join('; ')}`);
}

export async function pledge(site: Site, journal: Journal, gift: Gift): Promise<void> {
  const { json, text } = await insist(journal, 'a pledge', 201, (at) => site.give(at, journal.campaignId, gift));
  if (gift.text !== undefined && gift.text !== text) journal.odd.push(`${gift.key}: told ${text} after ${gift.text}`);
  gift.id = String(json.id);
  gift.text = text;
}

/** Each word until it is acknowledged. */
export async function settle(site: Site, journal: Journal, gift: Gift): Promise<void> {
  const { id, amountCents } = gift;
  const told = (stories[gift.fate] ?? []).map(async ([kind, n]) => {
    const event = `${gift.key}:${n}`;
    await insist(journal, 'a payment', 200, (at) => site.tell(at, id!, { id: event, type: `payment.${kind}`, amountCents }));
    gift.events.add(event);
    return kind;
  });
  if ((await Promise.all(told)).includes('paid'))
    journal.paid.push({ at: performance.now(), cents: (journal.paid.at(-1)?.cents ?? 0) + amountCents });
}

export async function giveOnce(site: Site, journal: Journal, email = newEmail()): Promise<void> {
  const gift = journal.intend(email);
  await pledge(site, journal, gift);
  await settle(site, journal, gift);
  // Who is not sure asks once more.
  if (journal.gifts.length % 4 === 0) await pledge(site, journal, gift);
}

/** So many donors who give again and again until `during` is over, while somebody looks into the books. */
export async function whileGiving(site: Site, journal: Journal, clients: number, during: () => Promise<void>): Promise<void> {
  let over = false;
  const donor = async () => {
    const email = newEmail();
    while (!over) {
      await giveOnce(site, journal, email);
      await pause(20 + Math.random() * 60);
    }
  };
  const auditor = async () => {
    while (!over) {
      const least = journal.paidBy(performance.now());
      const books = await booksOf(site.rows, journal.campaignId).catch(() => undefined);
      if (books) journal.odd.push(...faultsOf(books, least, journal.wantedCents));
      await pause(100);
    }
  };
  const all = Promise.all([auditor(), ...Array.from({ length: clients }, donor)]);
  try {
    await Promise.race([during(), all]);
  } finally {
    over = true;
    await all;
  }
}

function faultsOf(books: Awaited<ReturnType<typeof booksOf>>, least: number, most: number): string[] {
  const { raised, gifts, ledger, donors, counted } = books;
  const isRight = raised === gifts && gifts === ledger && donors === counted && raised >= least && raised <= most;
  return isRight ? [] : [`books: ${JSON.stringify({ ...books, least, most })}`];
}
