import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { farOr } from '../support/drills.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { judge } from '../support/gifts.judge.js';
import { type Gift, giveOnce, Journal, pledge, settle, whileGiving } from '../support/gifts.js';
import { type Answer, openSite, type Site } from '../support/gifts.site.js';
import { eventually } from '../support/lab.js';
import { newEmail } from '../support/people.js';
import { whileReading } from '../support/sums.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let site: Site;
let journal: Journal;

const ground = () => ({ databaseUrl: database.url, redisUrl: redis.url, rows: database.rows });
const goneOn = async (gifts: number) => {
  const before = journal.acknowledged;
  await eventually(
    async () => journal.acknowledged,
    (many) => many >= before + gifts,
  );
};

beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  // Whoever is made to wait does so until the test has seen it.
  site = await openSite(ground(), { PG_LOCK_TIMEOUT_MS: '9000' });
});
beforeEach(async () => {
  journal = new Journal(await site.campaign());
});
afterAll(async () => {
  await site.close();
  await Promise.all([database.drop(), redis.stop()]);
});

describe('Processes killed', () => {
  it('again and again while people give lose nothing that was acknowledged, and double nothing', async () => {
    await whileGiving(site, journal, 4, async () => {
      for (let kill = 0; kill < farOr(3, 2); kill += 1) {
        await goneOn(30);
        await site.kill(kill % 2);
      }
      await goneOn(30);
    });
    expect(journal.broken).toBeGreaterThan(0);
    await judge(site, journal);
  });
});

describe('A process that dies between commit and answer', () => {
  /** As many as one process writes down at once for one campaign. */
  const MANY = 5;
  const intend = (fate: number) => Array.from({ length: MANY }, () => journal.intend(newEmail(), fate));
  const give = (at: number, gifts: Gift[]) => gifts.map((gift) => site.give(at, journal.campaignId, gift));
  const follow = async (gifts: Gift[]) => {
    for (const gift of gifts) {
      await pledge(site, journal, gift);
      await settle(site, journal, gift);
    }
    await judge(site, journal);
  };

  let holder: pg.Client;
  beforeEach(async () => {
    holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
  });
  afterEach(() => holder.end());
  const hold = (table: string) => holder.query(`BEGIN; LOCK TABLE ${table} IN SHARE MODE`);
  /** Until so many wait to write there. */
  const standing = (table: string, many: number) =>
    eventually(
      () =>
        database.rows(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO ${table}%'`,
        ),
      ({ length }) => length === many,
      8_000,
    );

  /** All wait in the database; then their process stands still, they are committed, and it is dead before it hears of it. */
  async function dieOver(tables: string[], effects: number, ask: () => Promise<Answer | undefined>[]) {
    await hold(tables.join(', '));
    const asked = ask();
    await Promise.all(tables.map((table) => standing(table, MANY)));
    site.labs[0].process.kill('SIGSTOP');
    await holder.query('COMMIT');
    await eventually(
      () =>
        database.rows('SELECT FROM donations d LEFT JOIN ledger l ON l.donation_id = d.id WHERE d.campaign_id = $1', [journal.campaignId]),
      ({ length }) => length === effects,
    );
    await site.kill(0);
    expect(await Promise.all(asked)).toEqual(Array(asked.length).fill(undefined));
  }
  const replayed = async (gifts: Gift[]) => {
    for (const answer of await Promise.all([...give(0, gifts), ...give(1, gifts)]))
      expect([answer?.status, answer?.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
  };

  it('has taken gifts and payments: the same words find them, and change nothing', async () => {
    const [promised, paid] = [intend(0), intend(0)];
    await Promise.all(paid.map((gift) => pledge(site, journal, gift)));
    const told = () => paid.map(({ id, key, amountCents }) => site.tell(0, id!, { id: `${key}:1`, amountCents }));
    await dieOver(['stored_answers', 'payment_events'], 2 * MANY, () => [...give(0, promised), ...told()]);
    expect(await database.rows('SELECT FROM ledger WHERE campaign_id = $1', [journal.campaignId])).toHaveLength(MANY);
    await replayed(promised);
    await follow(journal.gifts);
  });

  it('has taken gifts, and what the sandbox has to do, which travels with the commit', async () => {
    const gifts = intend(2);
    await dieOver(['outbox'], MANY, () => give(0, gifts));
    await replayed(gifts);
    await follow(gifts);
  });

  it('leaves to its connections what they still finish, while others try the same', async () => {
    const gifts = intend(0);
    await hold('stored_answers');
    const asked = give(0, gifts);
    await standing('stored_answers', MANY);
    const killed = site.kill(0);
    const again = give(1, gifts);
    await standing('stored_answers', 2 * MANY);
    await holder.query('COMMIT');
    expect(await Promise.all(asked)).toEqual(Array(MANY).fill(undefined));
    for (const [n, answer] of (await Promise.all(again)).entries()) {
      expect(answer?.status).toBe(201);
      Object.assign(gifts[n]!, { id: answer?.json.id, text: answer?.text });
    }
    await killed;
    await follow(gifts);
  });

  it('before its provider was asked is followed by another within five seconds', async () => {
    const gift = journal.intend(newEmail(), 0);
    await pledge(site, journal, gift);
    // As it stands while a provider is asked that has no answer at hand.
    await database.rows(
      `UPDATE stored_answers SET status = NULL, body = NULL, lease_until = now() + interval '4500 milliseconds' WHERE donation_id = $1`,
      [gift.id],
    );
    await database.rows('UPDATE donations SET payment = NULL WHERE id = $1', [gift.id]);
    const began = performance.now();
    const first = await site.give(0, journal.campaignId, gift);
    expect([first?.status, first?.json.code, first?.headers.get('retry-after')]).toEqual([409, 'idempotency_in_progress', '1']);
    const all = await eventually(
      () => Promise.all([0, 1, 0, 1].map((at) => site.give(at, journal.campaignId, gift))),
      (answers) => answers.some((answer) => answer?.status === 201),
    );
    expect(performance.now() - began).toBeLessThan(9_000);
    for (const answer of all) expect([201, 409]).toContain(answer?.status);
    await follow(journal.gifts);
  });
});

describe('Redis', () => {
  it('frozen, wiped and away is noticed by nobody who gives or reads', async () => {
    const seen = await whileReading(site, journal, () =>
      whileGiving(site, journal, 6, async () => {
        await goneOn(20);
        redis.freeze();
        await Promise.all([pause(farOr(15_000, 5_000)), goneOn(50)]);
        redis.thaw();
        await goneOn(30);
        for (let wipe = 0; wipe < farOr(3, 1); wipe += 1) {
          await redis.ask((client) => client.flushall());
          await goneOn(20);
        }
        await redis.kill();
        await goneOn(30);
        await redis.start();
        await goneOn(30);
      }),
    );
    expect(seen.wrong).toEqual([]);
    expect(journal.broken).toBe(0);
    expect(journal.refused).toEqual({});
    await judge(site, journal);
  });

  it('away at start is missed by nobody who gives, and what waits for it is done when it comes', async () => {
    await redis.kill();
    await Promise.all([site.kill(0), site.kill(1)]);
    await Promise.all(Array.from({ length: 16 }, () => giveOnce(site, journal)));
    expect(journal.broken).toBe(0);
    await redis.start();
    await judge(site, journal);
  });
});
