import { expect } from 'vitest';
import { booksOf } from './donations.js';
import { type Gift, isPaid, type Journal } from './gifts.js';
import type { Site } from './gifts.site.js';
import { eventually } from './lab.js';

interface Kept {
  id: string;
  key: string;
  amountCents: number;
  email: string;
  status: string;
  answers: number;
  /** Of the ledger: how many, and how much. */
  entries: number;
  cents: number;
  receipts: number;
  letters: number;
  events: string[];
}

const KEPT = `WITH letters AS MATERIALIZED (SELECT substring(body FROM '/donations/([0-9a-f-]{36})/')::uuid AS id, count(*)::int AS many FROM mails WHERE body <> '' GROUP BY 1)
  SELECT d.id, d.message AS key, d.amount_cents::int AS "amountCents", d.donor_email AS email, d.status,
    (SELECT count(*)::int FROM stored_answers WHERE donation_id = d.id) AS answers,
    (SELECT count(*)::int FROM ledger WHERE donation_id = d.id) AS entries,
    (SELECT coalesce(sum(amount_cents), 0)::int FROM ledger WHERE donation_id = d.id AND kind = 'gift') AS cents,
    (SELECT count(*)::int FROM receipts WHERE donation_id = d.id AND amount_cents = d.amount_cents) AS receipts,
    coalesce((SELECT many FROM letters WHERE id = d.id), 0) AS letters,
    ARRAY(SELECT event_id FROM payment_events WHERE donation_id = d.id AND state IN ('applied', 'ignored') ORDER BY 1) AS events
  FROM donations d WHERE d.campaign_id = $1`;

const LEFT = `SELECT (SELECT count(*) FROM campaign_tail)::int AS tail, (SELECT count(*) FROM outbox)::int AS jobs,
  (SELECT count(*) FROM payment_events e JOIN donations d ON d.id = e.donation_id WHERE campaign_id = $1 AND state NOT IN ('applied', 'ignored'))::int AS events`;

/** As it must be, once nothing moves any more. */
function keptOf(gift: Gift): Kept {
  const counts = isPaid(gift) ? 1 : 0;
  const { id = 'never acknowledged', key, amountCents, email, fate } = gift;
  return {
    ...{ id, key, amountCents, email, answers: 1 },
    status: counts ? 'confirmed' : fate === 'failed' ? 'failed' : 'pending',
    ...{ entries: counts, cents: counts * amountCents, receipts: counts, letters: counts },
    events: fate === 'pay' ? [`${id}:1`] : [...gift.events].sort(),
  };
}

/** Nothing that was acknowledged is lost, nothing is there twice, and nothing that nobody wanted. */
export async function judge({ rows }: Site, journal: Journal): Promise<void> {
  await eventually(
    () => rows<{ tail: number; jobs: number; events: number }>(LEFT, [journal.campaignId]),
    ([left]) => left!.tail + left!.jobs + left!.events === 0,
    40_000,
  );
  const kept = await rows<Kept>(KEPT, [journal.campaignId]);
  const wanted = new Map(journal.gifts.map((gift) => [gift.key, keptOf(gift)]));
  const wrong = kept.filter((one) => !isSame(one, wanted.get(one.key)));
  const lost = [...wanted.values()].filter(({ key }) => !kept.some((one) => one.key === key));
  expect({ wrong: wrong.map((is) => ({ is, wanted: wanted.get(is.key) })), lost, odd: journal.odd }).toEqual({
    ...{ wrong: [], lost: [], odd: [] },
  });
  expect(kept).toHaveLength(journal.gifts.length);

  const raised = journal.wantedCents;
  const donors = new Set(journal.gifts.filter(isPaid).map(({ email }) => email)).size;
  expect(await booksOf(rows, journal.campaignId)).toEqual({ raised, gifts: raised, ledger: raised, donors, counted: donors });
  const [{ numbers }] = (await rows<{ numbers: number[] }>('SELECT array_agg(number::int ORDER BY number) AS numbers FROM receipts')) as [
    { numbers: number[] },
  ];
  expect(numbers).toEqual(numbers.map((_, n) => n + 1));
}

const isSame = (is: Kept, wanted: Kept | undefined): boolean =>
  wanted !== undefined && (Object.keys(wanted) as (keyof Kept)[]).every((what) => String(is[what]) === String(wanted[what]));
