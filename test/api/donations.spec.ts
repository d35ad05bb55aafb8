import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openDonations, type Donations, wish } from '../support/donations.js';
import { eventually } from '../support/lab.js';
import { codesOf } from '../support/people.js';

let d: Donations;
beforeAll(async () => {
  d = await openDonations();
});
afterAll(() => d.close());

describe('A gift', () => {
  it('is promised with what its donor needs to pay', async () => {
    const { status, json } = await d.give(wish({ message: 'Força!' }));
    expect(status).toBe(201);
    expect(json).toEqual({
      id: expect.any(String) as string,
      status: 'pending',
      amountCents: 5_000,
      currency: 'BRL',
      payment: {
        method: 'pix',
        brCode: expect.stringMatching(/^000201.*br\.gov\.bcb\.pix.*540550\.00.*6304[\dA-F]{4}$/) as string,
        qrCodeSvg: expect.stringMatching(/^<svg /) as string,
        txid: expect.stringMatching(/^[\da-f]{32}$/) as string,
        expiresAt: expect.any(String) as string,
      },
      statusToken: expect.any(String) as string,
    });
    const card = await d.give(wish({ method: 'card' }));
    expect(card.json.payment).toEqual({
      method: 'card',
      clientSecret: expect.any(String) as string,
      expiresAt: expect.any(String) as string,
    });
  });

  it('is one gift however often it is sent, and another body with its key is refused', async () => {
    const key = newId();
    const body = wish();
    const all = await Promise.all(Array.from({ length: 20 }, () => d.give(body, { key })));
    expect(new Set(all.map(({ text }) => text)).size).toBe(1);
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 201));
    expect(all.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(19);
    expect(codesOf(await d.give({ ...body, amountCents: 6_000 }, { key }))).toEqual([422, 'idempotency_key_reused']);
    expect(await d.rows('SELECT FROM donations WHERE donor_email = $1', [body.donor.email])).toHaveLength(1);
    expect((await d.give(body, { key, as: d.donor })).headers.get('idempotency-replayed')).toBeNull();
    expect((await d.give(body, { key, at: (await d.campaign()).id })).headers.get('idempotency-replayed')).toBeNull();
    expect((await d.give(body, { key, at: d.open.slug })).text).toBe(all[0]?.text);
  });

  it('is paid by the sandbox within a second, and counts', async () => {
    const { id } = await d.campaign();
    const gift = await d.given({}, { at: id, how: 'pay' });
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'confirmed',
    );
    expect(
      await eventually(
        () => d.sumsOf(id),
        ([raised]) => raised === 5_000,
      ),
    ).toEqual([5_000, 1]);
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'confirmed',
    );
  });

  it.each(['doubled', 'reordered'])('that is told of %s counts once', async (how) => {
    const { id } = await d.campaign();
    const gift = await d.given({}, { at: id, how });
    await eventually(
      () => d.rows('SELECT FROM payment_events WHERE donation_id = $1', [gift.id]),
      (rows) => rows.length === 2,
    );
    expect(await d.statusOf(gift)).toBe('confirmed');
    expect(await d.books(id)).toEqual({ raised: 5_000, gifts: 5_000, ledger: 5_000, donors: 1, counted: 1 });
  });

  it('that fails does not count, and does where it is paid after all', async () => {
    const { id } = await d.campaign();
    const gift = await d.given({}, { at: id, how: 'fail' });
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'failed',
    );
    expect((await d.books(id)).raised).toBe(0);
    expect((await d.tell(gift.id)).status).toBe(200);
    expect(await d.statusOf(gift)).toBe('confirmed');
    expect(await d.books(id)).toEqual({ raised: 5_000, gifts: 5_000, ledger: 5_000, donors: 1, counted: 1 });
  });

  it('expires when nobody pays, and counts where somebody still does', async () => {
    const gift = await d.given();
    await d.rows(`UPDATE donations SET expires_at = now() WHERE id = $1`, [gift.id]);
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'expired',
    );
    await d.tell(gift.id, { type: 'payment.failed' });
    expect(await d.statusOf(gift)).toBe('expired');
    await d.tell(gift.id);
    expect(await d.statusOf(gift)).toBe('confirmed');
  });

  it('counts its donor once, a guest by his address and a person by himself', async () => {
    const { id } = await d.campaign();
    const donors = [{ donor: { name: 'B', email: 'One@Example.org' } }, { donor: { name: 'C', email: 'one@example.org' } }, {}];
    for (const one of donors) await d.tell((await d.given(one, { at: id })).id);
    for (let n = 0; n < 2; n += 1) await d.tell((await d.given({ donor: undefined }, { at: id, as: d.donor })).id);
    expect(await d.books(id)).toEqual({ raised: 25_000, gifts: 25_000, ledger: 25_000, donors: 3, counted: 3 });
  });

  it('whose payment is told before it is there is kept, and counts', async () => {
    const gift = await d.given();
    const { id, campaign_id: campaignId } = (
      await d.rows<{ id: string; campaign_id: string }>('SELECT * FROM donations WHERE id = $1', [gift.id])
    )[0]!;
    await d.rows(`UPDATE donations SET provider = 'elsewhere' WHERE id = $1`, [id]);
    expect((await d.tell(id)).status).toBe(200);
    expect(await d.statusOf(gift)).toBe('pending');
    await d.rows(`UPDATE donations SET provider = 'sandbox' WHERE id = $1`, [id]);
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'confirmed',
    );
    expect((await d.rows('SELECT FROM ledger WHERE donation_id = $1 AND campaign_id = $2', [id, campaignId])).length).toBe(1);
  });

  it('of another amount than asked is held for an admin, who decides', async () => {
    const { id } = await d.campaign();
    const [accepted, dismissed] = [await d.given({}, { at: id }), await d.given({}, { at: id })];
    await d.tell(accepted.id, { id: 'held:1', amountCents: 4_999 });
    await d.tell(dismissed.id, { id: 'held:2', amountCents: 9_999 });
    expect([await d.statusOf(accepted), (await d.books(id)).raised]).toEqual(['pending', 0]);
    const { json } = await d.send('GET', '/payments/held', undefined, d.admin.accessToken);
    expect(json.items).toMatchObject([
      { eventId: 'held:1', amountCents: 4_999, askedCents: 5_000 },
      { eventId: 'held:2', amountCents: 9_999 },
    ]);
    const decide = (event: string, outcome: string) =>
      d.send('POST', `/payments/held/sandbox/${event}/resolve`, { outcome }, d.admin.accessToken);
    expect((await decide('held:1', 'accept')).status).toBe(200);
    expect((await decide('held:2', 'dismiss')).status).toBe(200);
    expect(codesOf(await decide('held:1', 'accept'))).toEqual([404, 'not_found']);
    expect([await d.statusOf(accepted), await d.statusOf(dismissed)]).toEqual(['confirmed', 'pending']);
    expect(await d.books(id)).toEqual({ raised: 4_999, gifts: 4_999, ledger: 4_999, donors: 1, counted: 1 });
  });

  it('paid a second time by another payment is held', async () => {
    const gift = await d.given();
    await d.tell(gift.id, { reference: 'first' });
    await d.tell(gift.id, { reference: 'first' });
    await d.tell(gift.id, { id: 'second', reference: 'second' });
    const { json } = await d.send('GET', '/payments/held', undefined, d.admin.accessToken);
    expect(json.items).toContainEqual(expect.objectContaining({ donationId: gift.id, eventId: 'second' }));
    expect(codesOf(await d.send('POST', '/payments/held/sandbox/second/resolve', { outcome: 'accept' }, d.admin.accessToken))).toEqual([
      409,
      'conflict',
    ]);
  });

  it('that is written by somebody else while its payment is told keeps both', async () => {
    const gift = await d.given();
    const other = new pg.Client({ connectionString: d.people.install.database.url });
    await other.connect();
    await other.query('BEGIN');
    await other.query(`UPDATE donations SET payment = 'theirs' WHERE id = $1`, [gift.id]);
    const telling = d.tell(gift.id);
    await eventually(
      () => d.rows(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`),
      (rows) => rows.length > 0,
    );
    await other.query('COMMIT');
    await other.end();
    expect((await telling).status).toBe(200);
    expect(await d.rows('SELECT status, payment FROM donations WHERE id = $1', [gift.id])).toEqual([
      { status: 'confirmed', payment: 'theirs' },
    ]);
  });
});
