import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guest, openDonations, type Donations } from '../support/donations.js';
import { eventually } from '../support/lab.js';
import { codesOf, newEmail, type Session } from '../support/people.js';

let d: Donations;
beforeAll(async () => {
  d = await openDonations();
});
afterAll(() => d.close());

const takenBy = async ({ accessToken }: Session, part = 'donations') =>
  (await d.send('GET', '/users/me/export', undefined, accessToken)).json[part];

describe('A refund', () => {
  it('is done once, whoever asks and however often, and the sums fall', async () => {
    const { id } = await d.campaign();
    const [gift, other] = [await d.given({}, { at: id }), await d.given({}, { at: id })];
    await Promise.all([d.tell(gift.id), d.tell(other.id)]);
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        d.send('POST', `/donations/${gift.id}/refund`, { reason: 'Twice' }, (n % 2 ? d.ana : d.admin).accessToken),
      ),
    );
    expect(all.map(({ status }) => status).sort()).toEqual([202, ...Array.from({ length: 9 }, () => 409)]);
    expect(all.find(({ status }) => status === 202)?.json.refund).toMatchObject({ status: 'pending', reason: 'Twice' });
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'refunded',
    );
    expect(
      await eventually(
        () => d.sumsOf(id),
        ([raised]) => raised === 5_000,
      ),
    ).toEqual([5_000, 1]);
    expect(await d.books(id)).toEqual({ raised: 5_000, gifts: 5_000, ledger: 5_000, donors: 1, counted: 1 });
    const { json } = await d.send('GET', `/donations/${gift.id}?token=${gift.statusToken}`);
    expect(json.refund).toMatchObject({ status: 'done', doneAt: expect.any(String) as string });
    expect(codesOf(await d.send('POST', `/donations/${gift.id}/refund`, { reason: 'Again' }, d.admin.accessToken))).toEqual([
      409,
      'conflict',
    ]);
    await d.tell(gift.id);
    expect(await d.statusOf(gift)).toBe('refunded');
  });

  it('that is told before the payment waits for it', async () => {
    const { id } = await d.campaign();
    const gift = await d.given({}, { at: id });
    await d.tell(gift.id, { type: 'payment.refunded' });
    expect(await d.statusOf(gift)).toBe('pending');
    await d.tell(gift.id);
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'refunded',
    );
    expect(await d.books(id)).toEqual({ raised: 0, gifts: 0, ledger: 0, donors: 0, counted: 0 });
  });
});

describe('Of the money', () => {
  it('a part that is given back is held for an admin, as it is not the gift', async () => {
    const { id } = await d.campaign();
    const gift = await d.given({}, { at: id });
    await d.tell(gift.id);
    await d.tell(gift.id, { id: 'a part', type: 'payment.refunded', amountCents: 100 });
    expect([await d.statusOf(gift), (await d.books(id)).raised]).toEqual(['confirmed', 5_000]);
    const { json } = await d.send('GET', '/payments/held', undefined, d.admin.accessToken);
    expect(json.items).toContainEqual(
      expect.objectContaining({ eventId: 'a part', kind: 'refunded', amountCents: 100, askedCents: 5_000 }),
    );
  });
});

describe('The feed', () => {
  it('shows confirmed gifts, the newest first, anonymous ones without a name, and each once', async () => {
    const { id } = await d.campaign();
    const gifts = [];
    for (const more of [{ message: 'um' }, { anonymous: true, message: 'dois' }, { message: 'três' }])
      gifts.push(await d.given(more, { at: id }));
    await d.given({}, { at: id });
    for (const gift of gifts) await d.tell(gift.id);
    const feed = (query: string) => d.send('GET', `/campaigns/${id}/donations${query}`);
    const first = await eventually(
      () => feed('?limit=2'),
      ({ json }) => (json.items as unknown[]).length === 2,
    );
    expect(first.json.items).toMatchObject([
      { name: 'Bruno Lima', message: 'três', amountCents: 5_000 },
      { name: null, message: 'dois' },
    ]);
    expect(first.text).not.toContain('@');
    await d.tell((await d.given({ message: 'novo' }, { at: id })).id);
    const second = await feed(`?limit=2&cursor=${String(first.json.nextCursor)}`);
    expect([second.json.items, second.json.nextCursor]).toMatchObject([[{ message: 'um' }], null]);
    expect(codesOf(await feed('?cursor=x'))).toEqual([422, 'cursor_not_valid']);
  });
});

describe('A person', () => {
  it('sees his own gifts, takes them along, and leaves them without a name', async () => {
    const me = await d.person();
    const gifts = [await d.given({ donor: undefined, message: 'meu' }, { as: me }), await d.given({ donor: undefined }, { as: me })];
    await d.tell(gifts[0]!.id, { reference: 'bank 7' });
    const { json } = await d.send('GET', '/users/me/donations?limit=1', undefined, me.accessToken);
    expect(json.items).toMatchObject([{ id: gifts[1]!.id, status: 'pending' }]);
    const next = await d.send('GET', `/users/me/donations?limit=1&cursor=${String(json.nextCursor)}`, undefined, me.accessToken);
    expect(next.json.items).toMatchObject([{ id: gifts[0]!.id, status: 'confirmed', message: 'meu', payment: null }]);
    expect(await takenBy(me)).toMatchObject([
      { id: gifts[1]!.id, name: 'Ana Souza', messagingConsent: false, provider: 'sandbox', reference: null, refund: null },
      { id: gifts[0]!.id, messagingConsent: false, reference: 'bank 7', expiresAt: expect.any(String) as string },
    ]);
    expect((await d.send('DELETE', '/users/me', undefined, me.accessToken)).status).toBe(204);
    expect(await d.rows('SELECT donor_name, message, anonymous FROM donations WHERE id = $1', [gifts[0]!.id])).toEqual([
      { donor_name: null, message: null, anonymous: true },
    ]);
  });
});

describe('Consent and refunds', () => {
  it('are in what is taken along by who gave, and by who gave it back', async () => {
    const me = await d.person();
    const gift = await d.given({ donor: { ...guest(), messagingConsent: true } }, { as: me });
    await d.tell(gift.id);
    await d.send('POST', `/donations/${gift.id}/refund`, { reason: 'By mistake' }, d.eva.accessToken);
    expect(codesOf(await d.send('POST', `/donations/${gift.id}/refund`, { reason: 'Given twice' }, d.ana.accessToken))[0]).toBe(202);
    expect(await takenBy(me)).toMatchObject([{ id: gift.id, messagingConsent: true, refund: { reason: 'Given twice' } }]);
    expect(await takenBy(me, 'refunds')).toEqual([]);
    expect(await takenBy(d.ana, 'refunds')).toContainEqual(
      expect.objectContaining({ donationId: gift.id, reason: 'Given twice', requestedAt: expect.any(String) as string }),
    );
    expect(await takenBy(d.eva, 'refunds')).toEqual([]);
  });
});

describe('A campaign', () => {
  it('to which somebody has given stays', async () => {
    const { id } = await d.campaign();
    await d.given({}, { at: id });
    expect(codesOf(await d.send('DELETE', `/campaigns/${id}`, undefined, d.ana.accessToken))).toEqual([409, 'conflict']);
  });
});

describe('A receipt', () => {
  it('is numbered without a gap, and thanks are sent once', async () => {
    const email = newEmail();
    const gifts = await Promise.all(Array.from({ length: 20 }, () => d.given({ donor: { name: 'Bruno Lima', email } })));
    await Promise.all(gifts.map(({ id }) => Promise.all([d.tell(id), d.tell(id)])));
    const letters = await eventually(
      () => d.rows<{ body: string }>('SELECT body FROM mails WHERE recipient = $1', [email]),
      (rows) => rows.length >= 20,
    );
    expect(letters).toHaveLength(20);
    const numbers = (await d.rows<{ number: string }>('SELECT number FROM receipts ORDER BY number')).map(({ number }) => Number(number));
    expect(numbers).toEqual(numbers.map((_, n) => n + 1));
    await expect(d.rows('UPDATE receipts SET amount_cents = 1')).rejects.toThrow('only added to');
    await expect(d.rows('DELETE FROM ledger')).rejects.toThrow('only added to');
  });
});
