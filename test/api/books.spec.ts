import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Books } from '../../src/campaigns/books.service.js';
import { PledgesStore } from '../../src/campaigns/donations/pledges.store.js';
import { newId } from '../../src/kernel/ids.js';
import { openDonations, wish, type Donations } from '../support/donations.js';
import { eventually } from '../support/lab.js';

let d: Donations;
beforeAll(async () => {
  d = await openDonations({ ALERT_EMAIL_TO: 'night@example.org' });
});
afterAll(() => d.close());

const books = () => d.app.get(Books, { strict: false });
const health = async () => (await d.ask('/health')).json as { status: string; details: { books: Record<string, unknown> } };

describe('The books', () => {
  it('are compared at start, and agree', async () => {
    await d.tell((await d.given()).id);
    await eventually(
      () => d.rows('SELECT FROM chores'),
      (rows) => rows.length === 2,
    );
    expect(await books().compare()).toEqual([]);
    expect((await health()).details.books).toMatchObject({ status: 'up', comparedAt: expect.any(String) as string });
  });

  it('that differ are told to the log, to the health report and, once, by letter', async () => {
    await eventually(
      () => d.rows('SELECT FROM campaign_totals'),
      (rows) => rows.length === 1,
    );
    await d.rows('UPDATE campaign_totals SET raised_cents = raised_cents + 1');
    const [row] = await d.rows<{ raised_cents: string }>('SELECT raised_cents FROM campaign_totals');
    const found = [
      { campaignId: d.open.id, giftsCents: 5_000, ledgerCents: 5_000, shownCents: Number(row?.raised_cents), givers: 1, shownDonors: 1 },
    ];
    for (let n = 0; n < 3; n += 1) expect(await books().compare()).toEqual(found);
    expect((await eventually(health, ({ details }) => details.books.status === 'down')).status).toBe('degraded');
    const letters = await eventually(
      () => d.rows(`SELECT body FROM mails WHERE recipient = 'night@example.org'`),
      (rows) => rows.length > 0,
    );
    expect(letters).toHaveLength(1);
    await d.rows('UPDATE campaign_totals SET raised_cents = raised_cents - 1');
    expect(await books().compare()).toEqual([]);
    expect((await eventually(health, ({ details }) => details.books.status === 'up')).status).toBe('ok');
  });
});

describe('Stored answers', () => {
  it('are forgotten after 48 hours, and not before', async () => {
    const [old, young, body] = [newId(), newId(), wish()];
    for (const key of [old, young]) await d.give(body, { key });
    const again = async (key: string) => (await d.give(body, { key })).headers.get('idempotency-replayed');
    expect([await again(old), await again(young)]).toEqual(['true', 'true']);
    const [{ key }] = (await d.rows<{ key: Buffer }>('SELECT key FROM stored_answers ORDER BY created_at LIMIT 1 OFFSET 1')) as [
      { key: Buffer },
    ];
    await d.rows(`UPDATE stored_answers SET created_at = now() - interval '47 hours 59 minutes'`);
    await d.rows(`UPDATE stored_answers SET created_at = now() - interval '48 hours 1 minute' WHERE key = $1`, [key]);
    await d.app.get(PledgesStore, { strict: false }).forget(48, 100);
    expect([await again(old), await again(young)]).toEqual([null, 'true']);
  });
});
