import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { limitTo } from '../../src/kernel/limit.js';
import { pause } from '../../src/kernel/waiting.js';
import { booksOf, guest, wish } from '../support/donations.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { judge } from '../support/gifts.judge.js';
import { Model, type Told } from '../support/gifts.model.js';
import { giveOnce, Journal, pledge, settle, whileGiving } from '../support/gifts.js';
import { type Answer, openSite, type Site } from '../support/gifts.site.js';
import { eventually } from '../support/lab.js';
import { newEmail, PASSWORD } from '../support/people.js';
import { whileReading } from '../support/sums.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let site: Site;
let campaignId: string;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  site = await openSite({ databaseUrl: database.url, redisUrl: redis.url, rows: database.rows }, { PG_LOCK_TIMEOUT_MS: '9000' });
});
beforeEach(async () => {
  campaignId = await site.campaign();
});
afterAll(async () => {
  await site.close();
  await Promise.all([database.drop(), redis.stop()]);
});

const many = <T>(count: number, work: (n: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, n) => work(n)));
const statuses = (answers: (Answer | undefined)[]) => new Set(answers.map((answer) => answer?.status));
const books = () => booksOf(database.rows, campaignId);
const booksWith = (cents: number, donors: number) => ({ raised: cents, gifts: cents, ledger: cents, donors, counted: donors });
const give = (at: number, body: object = wish(), key = newId()) => site.give(at, campaignId, { key, body, how: 'never' });
const given = async (body?: object) => String((await give(0, body))?.json.id);
const standing = async (ids: string[]) =>
  (await database.rows<{ status: string }>('SELECT DISTINCT status FROM donations WHERE id = ANY($1)', [ids])).map(({ status }) => status);
const eventuallyRefunded = (ids: string[]) =>
  eventually(
    () => standing(ids),
    (all) => all.every((status) => status === 'refunded'),
  );
const refund = (at: number, id: string) =>
  site.send(at, 'POST', `/donations/${id}/refund`, { body: { reason: 'Twice' }, token: at % 2 ? site.owner : site.admin });

describe('Fifty at once over two processes', () => {
  it('who send the same wish make one gift, and hear the same', async () => {
    const [body, key] = [wish(), newId()];
    const answers = await many(50, (n) => give(n, body, key));
    expect(statuses(answers)).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => answer?.text)).size).toBe(1);
    expect(answers.filter((answer) => answer?.headers.get('idempotency-replayed') !== 'true')).toHaveLength(1);
    expect(await database.rows('SELECT FROM donations WHERE campaign_id = $1', [campaignId])).toHaveLength(1);
  });

  it('who send other wishes with one key make one gift, and the others are refused', async () => {
    const key = newId();
    const donor = guest();
    const answers = await many(50, (n) => give(n, wish({ amountCents: 1_000 + n, donor }), key));
    expect(answers.filter((answer) => answer?.status === 201)).toHaveLength(1);
    expect(new Set(answers.filter((answer) => answer?.status !== 201).map((answer) => answer?.json.code))).toEqual(
      new Set(['idempotency_key_reused']),
    );
    expect(await database.rows('SELECT FROM donations WHERE campaign_id = $1', [campaignId])).toHaveLength(1);
  });

  it.each([
    ['one event', () => 'one'],
    ['fifty events of one payment', (n: number) => `of ${n}`],
  ])('who tell %s have one effect', async (_, idOf) => {
    const id = await given();
    const answers = await many(50, (n) => site.tell(n, id, { id: `${campaignId} ${idOf(n)}`, reference: 'one' }));
    expect(statuses(answers)).toEqual(new Set([200]));
    expect(await books()).toEqual(booksWith(5_000, 1));
    expect(await database.rows(`SELECT FROM payment_events WHERE donation_id = $1 AND state = 'applied'`, [id])).toHaveLength(1);
    expect(await database.rows(`SELECT FROM payment_events WHERE donation_id = $1 AND state = 'held'`, [id])).toHaveLength(0);
  });

  it('payments of one gift count once, and the others are held', async () => {
    const id = await given();
    await many(50, (n) => site.tell(n, id, { id: `${id}:${n}`, reference: `payment ${n}` }));
    expect(await books()).toEqual(booksWith(5_000, 1));
    expect(
      await database.rows('SELECT state, count(*)::int AS many FROM payment_events WHERE donation_id = $1 GROUP BY 1 ORDER BY 1', [id]),
    ).toEqual([
      { state: 'applied', many: 1 },
      { state: 'held', many: 49 },
    ]);
  });

  it('of one donor who gives fifty times are one donor', async () => {
    const donor = { name: 'Bruno Lima', email: newEmail() };
    const ids = await many(50, () => given(wish({ donor })));
    expect(statuses(await many(50, (n) => site.tell(n, ids[n]!)))).toEqual(new Set([200]));
    expect(await books()).toEqual(booksWith(250_000, 1));
  });
});

describe('A payment that races', () => {
  it('with its failure and its expiry wins', async () => {
    const ids = await many(20, () => given());
    await database.rows('UPDATE donations SET expires_at = now() WHERE campaign_id = $1', [campaignId]);
    // Before, while and after somebody sees that they have expired.
    await many(20, async (n) => {
      await pause(n * 40);
      await Promise.all([site.tell(n, ids[n]!, { type: 'payment.failed' }), site.tell(n + 1, ids[n]!)]);
    });
    expect(await standing(ids)).toEqual(['confirmed']);
    expect(await books()).toEqual(booksWith(100_000, 20));
  });

  it('with its refund is given back once it has come, whichever is told first', async () => {
    const ids = await many(20, () => given());
    await many(40, (n) => site.tell(n, ids[n % 20]!, { type: n < 20 ? 'payment.refunded' : 'payment.paid' }));
    await eventuallyRefunded(ids);
    expect(await books()).toEqual(booksWith(0, 0));
    expect(await database.rows('SELECT FROM ledger WHERE campaign_id = $1', [campaignId])).toHaveLength(40);
  });

  it('with its refund, which waits for it, is given back whole', async () => {
    const id = await given();
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    // Who wants to count this donor waits, with his gift locked.
    await holder.query('BEGIN');
    await holder.query('INSERT INTO campaign_donors SELECT campaign_id, donor_key, 1 FROM donations WHERE id = $1', [id]);
    const waiting = (count: number) =>
      eventually(
        () => database.rows(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`),
        ({ length }) => length === count,
        8_000,
      );
    const paid = site.tell(0, id);
    await waiting(1);
    const refunded = site.tell(1, id, { type: 'payment.refunded' });
    await waiting(2);
    await holder.query('ROLLBACK');
    await holder.end();
    expect(statuses([await paid, await refunded])).toEqual(new Set([200]));
    expect(await standing([id])).toEqual(['refunded']);
    expect(await books()).toEqual(booksWith(0, 0));
    expect(await database.rows('SELECT gifts FROM campaign_donors WHERE campaign_id = $1', [campaignId])).toEqual([{ gifts: 0 }]);
  });

  it('with the wish to give it back is given back just where that was accepted', async () => {
    const ids = await many(20, () => given());
    const answers = await Promise.all(ids.flatMap((id, n) => [site.tell(n, id), refund(n, id)]));
    const accepted = ids.filter((_, n) => answers[2 * n + 1]?.status === 202);
    expect([...statuses(answers)].filter((status) => ![200, 202, 409].includes(status ?? 0))).toEqual([]);
    await eventuallyRefunded(accepted);
    const kept = ids.length - accepted.length;
    expect(await books()).toEqual(booksWith(kept * 5_000, kept));
  });
});

describe('Ten refunds at once over two processes', () => {
  it('give it back once', async () => {
    const [id, other] = [await given(), await given()];
    await Promise.all([site.tell(0, id), site.tell(1, other)]);
    const answers = await many(10, (n) => refund(n, id));
    expect(answers.map((answer) => answer?.status).sort()).toEqual([202, ...Array.from({ length: 9 }, () => 409)]);
    await eventuallyRefunded([id]);
    expect(await books()).toEqual(booksWith(5_000, 1));
    expect(await database.rows(`SELECT FROM ledger WHERE donation_id = $1 AND kind = 'refund'`, [id])).toHaveLength(1);
  });
});

describe('A gift that races', () => {
  it('with the going of who gives it is refused, or stays without his name', async () => {
    for (let round = 0; round < 6; round += 1) {
      const [name, email] = [`Segredo ${round}`, newEmail()];
      const token = String((await site.send(0, 'POST', '/auth/register', { body: { email, name, password: PASSWORD } }))?.json.accessToken);
      const { donor: _donor, ...body } = wish({ message: name }) as { donor?: object };
      const giving = many(20, (n) =>
        site.send(n, 'POST', `/campaigns/${campaignId}/donations`, { body, token, headers: { 'idempotency-key': newId() } }),
      );
      const [gone] = await Promise.all([site.send(round, 'DELETE', '/users/me', { token }), giving]);
      expect(gone?.status).toBe(204);
      expect(await database.rows('SELECT FROM donations WHERE donor_name = $1 OR message = $1', [name])).toEqual([]);
    }
    expect((await database.rows('SELECT FROM donations WHERE campaign_id = $1', [campaignId])).length).toBeGreaterThan(0);
  });

  it('with the close of its campaign is taken or refused, and refused once that was answered', async () => {
    const giving = many(60, (n) => give(n));
    const close = await site.send(1, 'POST', `/campaigns/${campaignId}/close`, { token: site.owner });
    const late = await many(20, (n) => give(n));
    expect(close?.status).toBe(200);
    const answers = await giving;
    for (const answer of answers) expect([201, 409]).toContain(answer?.status);
    expect(new Set(late.map((answer) => answer?.json.code))).toEqual(new Set(['campaign_not_open']));
    expect(await database.rows('SELECT FROM donations WHERE campaign_id = $1', [campaignId])).toHaveLength(
      answers.filter((answer) => answer?.status === 201).length,
    );
  });

  it('with the end of its campaign finds one of the two, and never a gift without its campaign', async () => {
    for (let round = 0; round < 8; round += 1) {
      campaignId = await site.campaign();
      const [removed, ...answers] = await Promise.all([
        site.send(round, 'DELETE', `/campaigns/${campaignId}`, { token: site.owner }),
        ...Array.from({ length: 10 }, (_, n) => give(n)),
      ]);
      const taken = answers.filter((answer) => answer?.status === 201).length;
      expect(statuses(answers)).toEqual(new Set([removed?.status === 204 ? 404 : 201]));
      expect([removed?.status, taken]).toEqual(removed?.status === 204 ? [204, 0] : [409, 10]);
    }
  });
});

const anything = fc.record({
  kind: fc.constantFrom<Told['kind'][]>('paid', 'paid', 'failed', 'refunded', 'expired'),
  event: fc.integer({ min: 1, max: 6 }),
  reference: fc.constantFrom(1, 1, 2),
  amountCents: fc.constantFrom(5_000, 5_000, 5_000, 4_000),
});
/** Of which the order makes no difference: each event has one meaning, and there is one payment. */
const unordered = fc
  .tuple(fc.constantFrom<Told['kind'][]>('paid', 'failed', 'refunded'), fc.integer({ min: 0, max: 1 }))
  .map(([kind, n]): Told => ({ kind, event: kind.length * 2 + n, reference: 1, amountCents: 5_000 }));

describe('What is told of gifts', () => {
  const inTurn = limitTo(1);
  const tell = async (id: string, { kind, event, reference, amountCents }: Told, at: number) => {
    if (kind === 'expired')
      return inTurn(() => database.rows(`UPDATE donations SET status = 'expired' WHERE id = $1 AND status = 'pending'`, [id]));
    const answer = await site.tell(at, id, { id: `${id} ${event}`, type: `payment.${kind}`, reference: String(reference), amountCents });
    expect(answer?.status).toBe(200);
  };

  it.each([
    ['one after another', anything, false],
    ['all at once, in two processes', unordered, true],
  ] as const)('leads to the one right end, %s', async (_, told, atOnce) => {
    const lives = fc.array(fc.array<Told>(told, { maxLength: 8 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lives, async (stories) => {
        campaignId = await site.campaign();
        const ids = await many(stories.length, () => given());
        const models = stories.map(() => new Model());
        const ends = () => models.map(({ status, held }, n) => ({ id: ids[n]!, status, held }));
        const foundOf = (some: string[]) =>
          database.rows(
            `SELECT d.id, d.status, (SELECT count(*)::int FROM payment_events WHERE donation_id = d.id AND state = 'held') AS held
               FROM unnest($1::uuid[]) WITH ORDINALITY AS gift(id, place) JOIN donations d ON d.id = gift.id ORDER BY place`,
            [some],
          );
        const untilSo = (which: (end: { id: string }) => boolean) => {
          const expected = ends().filter(which);
          return eventually(
            () => foundOf(expected.map(({ id }) => id)),
            (rows) => JSON.stringify(rows) === JSON.stringify(expected),
            8_000,
          );
        };
        await Promise.all(
          stories.map(async (story, n) => {
            if (atOnce) {
              for (const one of story) models[n]!.tell(one);
              return Promise.all(story.map((one, at) => tell(ids[n]!, one, at)));
            }
            for (const [at, one] of story.entries()) {
              models[n]!.tell(one);
              await tell(ids[n]!, one, n + at);
              // A refund that waited for this payment is given a moment later, and what comes next would come between.
              if (one.kind === 'paid') await untilSo(({ id }) => id === ids[n]);
            }
          }),
        );
        await untilSo(() => true);
        const confirmed = models.filter(({ status }) => status === 'confirmed').length;
        expect(await books()).toEqual(booksWith(confirmed * 5_000, confirmed));
      }),
      { numRuns: 15 },
    );
  });
});

describe('What readers see while two hundred are confirmed at once', () => {
  it.each(['with Redis', 'with Redis frozen'])('is at most two seconds old, %s', async (how) => {
    const journal = new Journal(campaignId);
    const gifts = Array.from({ length: 200 }, () => journal.intend(newEmail(), 0));
    for (let n = 0; n < 200; n += 20) await Promise.all(gifts.slice(n, n + 20).map((gift) => pledge(site, journal, gift)));
    if (how === 'with Redis frozen') redis.freeze();
    const seen = await whileReading(site, journal, async () => {
      await Promise.all(gifts.map((gift) => settle(site, journal, gift)));
      // For as long as anything old could still be shown.
      await whileGiving(site, journal, 2, () => pause(4_000));
    });
    redis.thaw();
    expect(seen.wrong).toEqual([]);
    expect(seen.reads).toBeGreaterThan(50);
    if (how === 'with Redis') expect(seen.hits).toBeGreaterThan(0);
    await giveOnce(site, journal);
    await judge(site, journal);
  });
});
