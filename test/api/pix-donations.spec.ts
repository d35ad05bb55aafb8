import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openDonations, wish, type Donations } from '../support/donations.js';
import { eventually } from '../support/lab.js';
import { codesOf, openPeople } from '../support/people.js';
import { startPsp } from '../support/psp.js';

const SECRET = 'nobody-guesses-this';
let psp: Awaited<ReturnType<typeof startPsp>>;
let d: Donations;
let webhook: string;
beforeAll(async () => {
  psp = await startPsp();
  const { url, clientId, clientSecret, key } = psp.settings;
  d = await openDonations({
    PAYMENT_PROVIDER: 'pix',
    PIX_API_URL: url,
    PIX_CLIENT_ID: clientId,
    PIX_CLIENT_SECRET: clientSecret,
    PIX_KEY: key,
    PIX_WEBHOOK_SECRET: SECRET,
    PG_LOCK_TIMEOUT_MS: '1000',
  });
  webhook = `${d.url}/api/v1/payments/webhooks/pix/${SECRET}`;
});
afterEach(() => psp.behave('well'));
afterAll(async () => {
  await d.close();
  await psp.stop();
});

const txidOf = ({ payment }: { payment: Record<string, string> }) => payment.txid ?? '';

describe('Refused', () => {
  it('is a method that is not served', async () => {
    const { status, json } = await d.give(wish({ method: 'card' }));
    expect([status, json.code, json.errors]).toEqual([422, 'validation_failed', [expect.objectContaining({ path: 'method' })]]);
  });

  it('is a webhook at an address that the bank was not given', async () => {
    const body = { pix: [{ txid: 'x' }] };
    for (const path of ['wrong', `${SECRET}x`, 'wrong/pix'])
      expect(codesOf(await d.send('POST', `/payments/webhooks/pix/${path}`, body))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await d.send('POST', '/payments/webhooks/sandbox', {}))).toEqual([404, 'not_found']);
    expect(d.lines.map((line) => JSON.stringify(line)).join()).not.toContain(SECRET);
  });

  it.each([[{}], [{ pix: 'x' }], [{ pix: [{ txid: '../../x' }, { txid: 7 }] }], [[]], [{ pix: [{ txid: newId().replaceAll('-', '') }] }]])(
    'is nothing that the bank says, though %j names no charge of ours',
    async (body) => {
      expect((await d.send('POST', `/payments/webhooks/pix/${SECRET}`, body)).status).toBe(200);
    },
  );
});

describe('A gift by Pix', () => {
  it('is charged at the bank once, paid there, and counts once, however often the bank tells', async () => {
    const { id } = await d.campaign();
    const before = psp.counts['put cob'];
    const key = newId();
    const body = wish();
    const first = await d.give(body, { at: id, key });
    const again = await d.give(body, { at: id, key });
    expect([first.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([201, first.text, 'true']);
    expect(psp.counts['put cob']).toBe(before + 1);
    const gift = first.json as { id: string; statusToken: string; payment: Record<string, string> };
    expect(gift.payment).toMatchObject({ method: 'pix', brCode: psp.charges.get(txidOf(gift))?.pixCopiaECola });
    expect((await psp.pay(txidOf(gift), { webhook })).status).toBe(200);
    for (const path of ['', '/pix'])
      await d.send('POST', `/payments/webhooks/pix/${SECRET}${path}`, { pix: [{ txid: txidOf(gift) }, { txid: txidOf(gift) }] });
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'confirmed',
    );
    expect(await d.books(id)).toEqual({ raised: 5_000, gifts: 5_000, ledger: 5_000, donors: 1, counted: 1 });
  });

  it('that only the webhook calls paid is not', async () => {
    const gift = await d.given();
    const looked = psp.heard('get cob');
    await d.send('POST', `/payments/webhooks/pix/${SECRET}`, { pix: [{ txid: txidOf(gift), endToEndId: 'E1', valor: '50.00' }] });
    await looked;
    await eventually(
      () => d.rows(`SELECT FROM outbox WHERE job = 'payments.look' AND run_at <= now()`),
      (rows) => rows.length === 0,
    );
    expect(await d.statusOf(gift)).toBe('pending');
  });

  it('of which the bank never tells is asked about in the end', async () => {
    const gift = await d.given();
    await psp.pay(txidOf(gift));
    await d.rows('UPDATE donations SET expires_at = now() WHERE id = $1', [gift.id]);
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'confirmed',
    );
  });

  it('paid with another amount is held', async () => {
    const gift = await d.given();
    await psp.pay(txidOf(gift), { cents: 4_000, webhook });
    await eventually(
      () => d.send('GET', '/payments/held', undefined, d.admin.accessToken),
      ({ text }) => text.includes(gift.id),
    );
    expect(await d.statusOf(gift)).toBe('pending');
  });

  it('is given back by the bank, which may take its time', async () => {
    const gift = await d.given();
    const { endToEndId } = await psp.pay(txidOf(gift), { webhook });
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'confirmed',
    );
    const ordered = psp.heard('put devolucao');
    expect((await d.send('POST', `/donations/${gift.id}/refund`, { reason: 'Twice' }, d.ana.accessToken)).json.refund).toMatchObject({
      status: 'pending',
    });
    await ordered;
    expect(await d.statusOf(gift)).toBe('confirmed');
    const [refund] = await d.rows<{ id: string }>('SELECT id FROM refunds WHERE donation_id = $1', [gift.id]);
    psp.settle(endToEndId, (refund?.id ?? '').replaceAll('-', ''), 'DEVOLVIDO');
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'refunded',
    );
  });

  it.each([
    ['after it was counted', true],
    ['before anybody looked', false],
  ])('given back at the bank’s own desk is refunded here: %s', async (_when, counted) => {
    const { id } = await d.campaign();
    const gift = (await d.give(wish(), { at: id })).json as { id: string; statusToken: string; payment: Record<string, string> };
    const { endToEndId } = await psp.pay(txidOf(gift), counted ? { webhook } : {});
    if (counted)
      await eventually(
        () => d.statusOf(gift),
        (status) => status === 'confirmed',
      );
    psp.giveBack(endToEndId, 5_000);
    await d.send('POST', `/payments/webhooks/pix/${SECRET}`, { pix: [{ txid: txidOf(gift) }] });
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'refunded',
    );
    expect(await d.books(id)).toMatchObject({ raised: 0, gifts: 0, ledger: 0, donors: 0 });
  });

  it('is asked about once more ten minutes after its end', async () => {
    const gift = await d.given();
    await d.rows('UPDATE donations SET expires_at = now() WHERE id = $1', [gift.id]);
    const looks = () =>
      d.rows<{ minutes: number }>(
        `SELECT round(extract(epoch FROM run_at - now()) / 60)::int AS minutes FROM outbox
          WHERE job = 'payments.look' AND payload ->> 'donationId' = $1 ORDER BY run_at`,
        [gift.id],
      );
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'expired',
    );
    expect((await looks()).at(-1)).toEqual({ minutes: 10 });
  });

  it('that the bank will not give back can be tried anew', async () => {
    const gift = await d.given();
    const { endToEndId } = await psp.pay(txidOf(gift), { webhook });
    await eventually(
      () => d.statusOf(gift),
      (status) => status === 'confirmed',
    );
    const refund = () => d.send('POST', `/donations/${gift.id}/refund`, { reason: 'Twice' }, d.ana.accessToken);
    const refundOf = async () => (await d.send('GET', `/donations/${gift.id}?token=${gift.statusToken}`)).json.refund as { status: string };
    const ordered = psp.heard('put devolucao');
    expect((await refund()).status).toBe(202);
    await ordered;
    const [{ id }] = (await d.rows<{ id: string }>('SELECT id FROM refunds WHERE donation_id = $1', [gift.id])) as [{ id: string }];
    psp.settle(endToEndId, id.replaceAll('-', ''), 'NAO_REALIZADO');
    await eventually(refundOf, ({ status }) => status === 'failed');
    expect((await refund()).status).toBe(202);
  });
});

describe('Where the bank', () => {
  it('is silent, nobody hangs, and the same key goes on with the same gift', async () => {
    const [key, body] = [newId(), wish()];
    psp.behave('silent', { at: 'put cob' });
    const began = performance.now();
    const refused = await d.give(body, { key });
    expect([refused.status, refused.json.code, refused.headers.get('retry-after')]).toEqual([503, 'dependency_down', '5']);
    expect(performance.now() - began).toBeLessThan(10_000);
    psp.behave('well');
    const given = await eventually(
      () => d.give(body, { key }),
      ({ status }) => status === 201,
    );
    expect(await d.rows('SELECT id FROM donations WHERE donor_email = $1', [body.donor.email])).toEqual([{ id: given.json.id }]);
  });

  it('is silent, the same key finds its campaign over, or nothing, once that is so; and else its time anew', async () => {
    const tried = async () => {
      const { id } = await d.campaign();
      const wished = [wish(), { at: id, key: newId() }] as const;
      psp.behave({ status: 500 });
      expect((await d.give(...wished)).status).toBe(503);
      psp.behave('well');
      // Else its breaker would be open for the next.
      await eventually(
        () => d.give(wish()),
        ({ status }) => status === 201,
      );
      return { id, again: () => d.give(...wished) };
    };
    const [ended, held, late] = [await tried(), await tried(), await tried()];
    expect((await d.send('POST', `/campaigns/${ended.id}/close`, undefined, d.ana.accessToken)).status).toBe(200);
    expect(codesOf(await ended.again())).toEqual([409, 'campaign_not_open']);
    expect((await d.send('POST', `/campaigns/${held.id}/hold`, undefined, d.admin.accessToken)).status).toBe(200);
    expect(codesOf(await held.again())).toEqual([404, 'not_found']);
    await d.rows(`UPDATE donations SET expires_at = now() - interval '1 minute', status = 'expired' WHERE campaign_id = $1`, [late.id]);
    const gift = await late.again();
    expect(gift.status).toBe(201);
    const { expiresAt } = (gift.json as { payment: { expiresAt: string } }).payment;
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
    expect(await d.rows('SELECT status FROM donations WHERE campaign_id = $1', [late.id])).toEqual([{ status: 'pending' }]);
  });

  it('has made the charge and nobody could write it down, the same key finds that charge', async () => {
    const [key, body] = [newId(), wish()];
    psp.behave({ slowMs: 500 }, { at: 'put cob', times: 1 });
    const asked = psp.heard('put cob');
    const first = d.give(body, { key });
    await asked;
    await d.rows('BEGIN');
    await d.rows('LOCK TABLE stored_answers IN SHARE MODE');
    const refused = await first;
    await d.rows('COMMIT');
    expect([...codesOf(refused), refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '5']);
    const charges = psp.charges.size;
    const given = await eventually(
      () => d.give(body, { key }),
      ({ status }) => status === 201,
    );
    expect(psp.charges.size).toBe(charges);
    expect(await d.rows('SELECT id, status FROM donations WHERE donor_email = $1', [body.donor.email])).toEqual([
      { id: given.json.id, status: 'pending' },
    ]);
    expect((await d.give(body, { key })).text).toBe(given.text);
  });

  it('takes nothing here any more, the same key goes on with who does', async () => {
    const [key, body] = [newId(), wish()];
    psp.behave({ status: 500 });
    expect((await d.give(body, { key })).status).toBe(503);
    psp.behave('well');
    const { close, send } = await openPeople({ ENVIRONMENT: 'development', PAYMENT_PROVIDER: 'sandbox' }, d.people);
    const given = await send('POST', `/campaigns/${d.open.id}/donations`, body, undefined, { 'idempotency-key': key });
    await close();
    expect([given.status, (await d.give(body, { key })).text]).toEqual([201, given.text]);
    expect(await d.rows('SELECT id, provider FROM donations WHERE donor_email = $1', [body.donor.email])).toEqual([
      { id: given.json.id, provider: 'sandbox' },
    ]);
    // Failures may have opened the breaker, which the next has to find closed.
    await eventually(
      () => d.give(wish()),
      (again) => again.status === 201,
    );
  });

  it('hangs up after it has made the charge, that charge is found again', async () => {
    const [key, body] = [newId(), wish()];
    psp.behave('cut', { at: 'put cob', times: 1 });
    const given = await eventually(
      () => d.give(body, { key }),
      ({ status }) => status === 201,
    );
    expect(await d.rows('SELECT id FROM donations WHERE donor_email = $1', [body.donor.email])).toEqual([{ id: given.json.id }]);
  });

  it('is slow, the same key is told to wait', async () => {
    const [key, body] = [newId(), wish()];
    psp.behave({ slowMs: 2_000 }, { at: 'put cob', times: 1 });
    const asked = psp.heard('put cob');
    const first = d.give(body, { key });
    await asked;
    const second = await d.give(body, { key });
    expect([...codesOf(second), second.headers.get('retry-after')]).toEqual([409, 'idempotency_in_progress', '1']);
    const { status, text } = await first;
    expect([status, (await d.give(body, { key })).text]).toEqual([201, text]);
  });
});
