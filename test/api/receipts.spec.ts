import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { openDonations, type Donations, type Given } from '../support/donations.js';
import { eventually } from '../support/lab.js';
import { codeOf, linesOf } from '../support/pdf.js';
import { codesOf, openPeople, type Session } from '../support/people.js';

const BASE = 'https://doe.example.org';

let d: Donations;
beforeAll(async () => {
  d = await openDonations({ PUBLIC_URL: `${BASE}/` });
});
afterAll(() => d.close());

async function pdfOf({ id, statusToken }: Given, as?: Session) {
  const query = as ? '' : `?token=${statusToken}`;
  const response = await fetch(`${d.url}/api/v1/donations/${id}/receipt.pdf${query}`, {
    headers: as ? { authorization: `Bearer ${as.accessToken}` } : {},
  });
  return { status: response.status, headers: response.headers, pdf: Buffer.from(await response.arrayBuffer()) };
}

const receipted = (gift: Given) =>
  eventually(
    () => pdfOf(gift),
    ({ status }) => status === 200,
  );

async function paid(more: { amountCents?: number; donor?: object } = {}, to: Parameters<Donations['given']>[1] = {}) {
  const gift = await d.given(more, to);
  await d.tell(gift.id, { amountCents: more.amountCents });
  return { gift, ...(await receipted(gift)) };
}

const check = (address: string | undefined, at: Pick<Donations, 'ask'> = d) => at.ask((address ?? '').replace(BASE, ''));

describe('A receipt', () => {
  it('is refused to whoever did not give', async () => {
    const { gift } = await paid();
    const path = `/donations/${gift.id}/receipt.pdf`;
    expect(codesOf(await d.send('GET', path))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await d.send('GET', `${path}?token=${(await d.given()).statusToken}`))).toEqual([401, 'unauthenticated']);
    for (const somebody of [d.donor, d.ana]) expect((await pdfOf(gift, somebody)).status).toBe(404);
    for (const id of [newId(), 'x'])
      expect(codesOf(await d.send('GET', `/donations/${id}/receipt.pdf`, undefined, d.admin.accessToken))).toEqual([404, 'not_found']);
  });

  it('is not there before the payment', async () => {
    const { id, statusToken } = await d.given();
    const { status, json } = await d.send('GET', `/donations/${id}/receipt.pdf?token=${statusToken}`);
    expect([status, json.code]).toEqual([404, 'not_found']);
    expect(json.detail).toContain('within seconds');
  });

  it('says in Portuguese what was given, to what, by whom and when', async () => {
    const { gift, headers, pdf } = await paid({ amountCents: 123_456, donor: { name: 'João Conceição', email: 'joao@example.org' } });
    // In São Paulo it is still the day before.
    await d.rows(`ALTER TABLE receipts DISABLE TRIGGER USER`);
    await d.rows(`UPDATE receipts SET paid_at = '2026-03-01T02:30:00Z' WHERE donation_id = $1`, [gift.id]);
    await d.rows(`ALTER TABLE receipts ENABLE TRIGGER USER`);
    const [title, ...rest] = linesOf((await pdfOf(gift)).pdf);
    const number = /^Recibo de doação nº (\d+)$/.exec(title ?? '')?.[1];
    expect(rest).toEqual([
      'R$ 1.234,56',
      ...['Doador', 'João Conceição', 'Campanha', 'Um telhado novo', 'Organização', 'Ana Souza'],
      ...['Pago em', '28/02/2026, 23:30 (horário de Brasília)', 'Doação', gift.id],
      ...['Qualquer pessoa pode conferir este recibo em:', codeOf(pdf)],
    ]);
    expect(headers.get('content-type')).toBe('application/pdf');
    expect(headers.get('content-disposition')).toBe(`inline; filename="recibo-${number}.pdf"`);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toContain("style-src 'unsafe-inline'");
  });

  it('is the same, byte for byte, whenever and for whomever', async () => {
    const { gift } = await paid({ donor: undefined }, { as: d.donor });
    const first = await pdfOf(gift);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    for (const as of [undefined, d.donor, d.admin]) expect((await pdfOf(gift, as)).pdf.equals(first.pdf)).toBe(true);
    expect(first.pdf.subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('breaks long titles, and prints what its font lacks without its marks, or as a question mark', async () => {
    const title = `${'W'.repeat(70)} “São João” – 日本 مرحبا 👩🏽‍🌾 R\u0303 c\u0327`;
    const body = { title, summary: 'S', description: '<p>D</p>', goalCents: 100 };
    const { json } = await d.send('POST', '/campaigns', body, d.ana.accessToken);
    await d.send('POST', `/campaigns/${String(json.id)}/publish`, undefined, d.ana.accessToken);
    const { pdf } = await paid({ donor: { name: 'Zoë 😀 Łōe (\\)', email: 'zoe@example.org' } }, { at: String(json.id) });
    const lines = linesOf(pdf);
    expect(lines).toContain('Zoë ? Loe (\\)');
    const shown = lines.slice(lines.indexOf('Campanha') + 1, lines.indexOf('Organização'));
    expect(shown.length).toBeGreaterThan(2);
    expect(shown.join('').replaceAll(/ /g, '')).toBe(`${'W'.repeat(70)}“SãoJoão”–??????????Rç`);
    expect(codeOf(pdf)).toContain(BASE);
  });

  it('outlives the name of who gave', async () => {
    const me = await d.person();
    const { gift } = await paid({ donor: undefined }, { as: me });
    await d.send('DELETE', '/users/me', undefined, me.accessToken);
    const lines = linesOf((await pdfOf(gift)).pdf);
    expect(lines[lines.indexOf('Doador') + 1]).toBe('Não informado');
  });

  it('says that the gift was given back', async () => {
    const { gift, pdf } = await paid();
    await d.tell(gift.id, { type: 'payment.refunded' });
    expect(linesOf((await pdfOf(gift)).pdf)).toContain('Esta doação foi devolvida.');
    expect((await check(codeOf(pdf))).json).toMatchObject({ valid: true, refunded: true });
  });
});

describe('Whoever holds a receipt', () => {
  it('is refused where anything of its address is another', async () => {
    const address = codeOf((await paid()).pdf) ?? '';
    const another = codeOf((await paid()).pdf) ?? '';
    const [number = '', proof = ''] = address.split('/').slice(-2);
    const wrong = [
      [number, another.split('/').at(-1)],
      [number, `${proof}A`],
      [number, proof.slice(1)],
      [`0${number}`, proof],
      ['9'.repeat(18), proof],
    ];
    for (const parts of [...wrong, ['9'.repeat(19), proof], ['-1', proof], ['x', proof]])
      expect(codesOf(await d.ask(`/api/v1/receipts/${parts.join('/')}`)), parts.join('/')).toEqual([404, 'not_found']);
  });

  it('learns by its code that it is ours and what it is for, but not who gave', async () => {
    const { pdf } = await paid({ amountCents: 7_500 });
    const address = codeOf(pdf);
    expect(address).toMatch(/^https:\/\/doe\.example\.org\/api\/v1\/receipts\/\d+\/[\w-]{22}$/);
    const { status, json, headers } = await check(address);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(json).toEqual({
      valid: true,
      number: address?.split('/').at(-2),
      amountCents: 7_500,
      currency: 'BRL',
      campaignTitle: 'Um telhado novo',
      paidAt: expect.any(String) as string,
      refunded: false,
    });
  });

  it('is believed while keys are changed', async () => {
    const address = codeOf((await paid()).pdf);
    for (const [SECRET_KEY_PREVIOUS, status] of [
      ['tests', 200],
      ['others', 404],
    ] as const) {
      const beside = await openPeople({ SECRET_KEY: 'new', SECRET_KEY_PREVIOUS }, d.people);
      expect((await check(address, beside)).status).toBe(status);
      await beside.close();
    }
  });
});
