import fc from 'fast-check';
import examples from 'libphonenumber-js/mobile/examples';
import { getCountries, getExampleNumber } from 'libphonenumber-js/min';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { wantsBackIn, wantsOut } from '../../src/queues/whatsapp/provider/opting.js';
import { canonicalPhone, phoneOfWaId } from '../../src/queues/whatsapp/provider/phones.js';
import { isSigned, readWebhook } from '../../src/queues/whatsapp/provider/webhook.reading.js';
import { aNotice, anInbound, aStatus, CLOUD, signatureOf, waIdOf } from '../support/cloud-api.answers.js';

const nothing = { statuses: [], inbound: [], preferences: [], skipped: 0 };
const PHONE = '+5511987654321';
const now = new Date('2026-03-04T12:00:00.000Z');
const at = new Date('2026-03-04T11:59:00.000Z');
const read = (value: Parameters<typeof aNotice>[0]) => readWebhook(aNotice(value), now);

describe('a signature', () => {
  const bytes = Buffer.from('{"object":"whatsapp_business_account"}');
  const right = signatureOf(bytes);
  const isOurs = (header: string | string[] | undefined, body = bytes) => isSigned(CLOUD.WHATSAPP_APP_SECRET, body, header);

  it.each([
    undefined,
    '',
    'sha256=',
    right.slice(0, -1),
    `${right}0`,
    right.toUpperCase(),
    right.replace('sha256=', ''),
    right.replace('256', '1'),
    signatureOf(bytes, 'wrong'),
  ])('is not %s', (header) => expect(isOurs(header)).toBe(false));
  it('is not twice', () => expect(isOurs([right, right])).toBe(false));
  it('is of every byte', () => {
    expect(isOurs(right)).toBe(true);
    for (let n = 0; n < bytes.length; n += 1) {
      const other = Buffer.from(bytes);
      other[n]! ^= 1;
      expect(isOurs(right, other)).toBe(false);
    }
  });
});

describe('a body of the webhook', () => {
  it('is never a fault, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (body) => {
        expect(readWebhook(body).statuses).toEqual([]);
      }),
    );
    const piece = fc.oneof(
      fc.anything(),
      fc.record({ id: fc.anything(), status: fc.anything(), timestamp: fc.anything(), recipient_id: fc.anything(), errors: fc.anything() }),
      fc.record({
        id: fc.constant('wamid.1'),
        from: fc.anything(),
        type: fc.constant('text'),
        text: fc.anything(),
        timestamp: fc.anything(),
      }),
      fc.record({ id: fc.constant('wamid.1'), status: fc.constant('failed'), timestamp: fc.anything(), errors: fc.anything() }),
    );
    const list = fc.oneof(fc.array(piece), fc.anything()) as fc.Arbitrary<object[]>;
    const value = fc.record({ statuses: list, messages: list, user_preferences: list });
    fc.assert(
      fc.property(value, (given) => {
        const { statuses, inbound } = read(given);
        for (const each of [...statuses, ...inbound]) {
          expect(each.at.getTime()).toBeLessThanOrEqual(now.getTime());
          expect(each.reference).toMatch(/^[!-~]{1,256}$/);
        }
        for (const { phone, text } of inbound) {
          expect(phone).toMatch(/^\+\d{7,15}$/);
          expect(Array.from(text).length).toBeLessThanOrEqual(4_096);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of something else says nothing', () => {
    expect(readWebhook({ object: 'page', entry: [] })).toEqual({ ...nothing, skipped: 1 });
    expect(
      readWebhook({ object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'account_update', value: { event: 'x' } }] }] }),
    ).toEqual(nothing);
  });

  it('tells what became of messages, also of those that have no answer', () => {
    const id = newId();
    const sent = { id, to: '5511987654321', reference: 'wamid.A' };
    const { statuses } = read({
      statuses: [
        aStatus(sent, 'delivered', { at }),
        aStatus(sent, 'failed', { at, code: 131_050 }),
        { id: 'wamid.B', status: 'read', biz_opaque_callback_data: 'x' },
      ],
    });
    const delivered = {
      reference: 'wamid.A',
      messageId: id,
      status: 'delivered',
      at,
      phone: PHONE,
      errorCode: undefined,
      error: undefined,
    };
    const why = 'User stopped marketing messages: User stopped marketing messages.';
    expect(statuses).toEqual([
      delivered,
      { ...delivered, status: 'failed', errorCode: 131_050, error: why },
      { ...delivered, reference: 'wamid.B', messageId: undefined, status: 'read', at: now, phone: undefined },
    ]);
  });

  it('leaves out what is odd, and keeps the rest', () => {
    const right = aStatus({ id: newId(), to: '14155550123', reference: 'wamid.C' }, 'sent', { at });
    const odd: unknown[] = [
      { ...right, status: 'warning' },
      { ...right, id: 'two words' },
      { ...right, id: '' },
      null,
      7,
      { id: 'wamid.D' },
    ];
    const { statuses, skipped } = read({ statuses: [...odd, right] as object[] });
    expect([statuses.map(({ reference }) => reference), skipped]).toEqual([['wamid.C'], odd.length]);
  });

  it('tells what people wrote or pressed', () => {
    const common = { from: waIdOf(PHONE), timestamp: String(at.getTime() / 1_000) };
    const { inbound, skipped } = read({
      messages: [
        anInbound(PHONE, 'Olá', { at, id: 'wamid.1' }),
        { ...common, id: 'wamid.2', type: 'button', button: { text: 'SAIR', payload: 'x' } },
        { ...common, id: 'wamid.3', type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: 'stop', title: 'Parar' } } },
        { ...common, id: 'wamid.4', type: 'image', image: { id: '5', caption: 'olhe' } },
        { ...common, id: 'wamid.5', type: 'sticker', sticker: { id: '6' } },
        { ...common, id: 'wamid.6', type: 'system', system: { body: 'has a new number' } },
        { ...common, from: 'BR.1234', id: 'wamid.7', type: 'text' },
      ],
    });
    expect(inbound[0]).toEqual({
      reference: 'wamid.1',
      phone: PHONE,
      kind: 'text',
      text: 'Olá',
      payload: undefined,
      at,
      to: CLOUD.WHATSAPP_PHONE_NUMBER_ID,
    });
    expect(inbound.map(({ payload }) => payload)).toEqual([undefined, 'x', 'stop', undefined, undefined]);
    expect(inbound.map(({ kind, text }) => [kind, text])).toEqual([
      ['text', 'Olá'],
      ['button', 'SAIR'],
      ['interactive', 'Parar'],
      ['image', 'olhe'],
      ['sticker', ''],
    ]);
    expect(skipped).toBe(2);
  });

  it('is cut to what the database can keep, by whole letters', () => {
    const { inbound } = read({ messages: [anInbound(PHONE, `\0a\ud800${'👋'.repeat(5_000)}`)] });
    expect(inbound[0]!.text).toBe(`a\ufffd${'👋'.repeat(4_094)}`);
  });

  it('tells of those who told WhatsApp itself', () => {
    const piece = { wa_id: waIdOf(PHONE), category: 'marketing_messages', value: 'stop', timestamp: at.getTime() / 1_000 };
    expect(read({ user_preferences: [piece, { ...piece, value: 'resume' }, { ...piece, category: 'other' }] })).toEqual({
      ...nothing,
      preferences: [
        { phone: PHONE, wants: 'stop', at, to: CLOUD.WHATSAPP_PHONE_NUMBER_ID },
        { phone: PHONE, wants: 'resume', at, to: CLOUD.WHATSAPP_PHONE_NUMBER_ID },
      ],
      skipped: 1,
    });
  });

  it.each([[0], ['0'], ['soon'], [-5], [1e15], [Number.NaN], [{}]])('with the moment %s is told now', (timestamp) => {
    expect(read({ statuses: [{ id: 'wamid.E', status: 'sent', timestamp }] }).statuses[0]!.at).toEqual(now);
  });
});

describe('words', () => {
  it.each([
    'SAIR',
    'sair',
    ' Sair. ',
    'STOP!',
    'parar',
    '*PARAR*',
    '“Stop”',
    'sáir',
    'ＳＴＯＰ',
    'Cancelar 🙏',
    'unsubscribe\n',
    's\u200bair',
  ])('%j leaves', (text) => expect(wantsOut(text)).toBe(true));
  it.each(['', 'não quero sair', 'sair de casa', 'SAIRAM', 'stop 1', 'para', '👋', `${' '.repeat(200)}SAIR`, 'VOLTAR'])(
    '%j stays',
    (text) => expect(wantsOut(text)).toBe(false),
  );
  it.each(['VOLTAR', 'start', ' Voltar! '])('%j comes back', (text) => expect(wantsBackIn(text)).toBe(true));
  it.each(['voltar já', 'SAIR', ''])('%j does not come back', (text) => expect(wantsBackIn(text)).toBe(false));
  it('are one or the other', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(wantsOut(text) && wantsBackIn(text)).toBe(false);
      }),
    ));
});

describe('a telephone number', () => {
  const digits = (min: number, max: number) => fc.integer({ min, max }).map(String);
  const area = fc.tuple(digits(1, 9), digits(1, 9)).map((pair) => pair.join(''));
  const mobile = fc.tuple(area, digits(60_000_000, 99_999_999));

  it('of Brazil is the same with its ninth digit and without', () => {
    fc.assert(
      fc.property(mobile, ([ddd, rest]) => {
        const full = `+55${ddd}9${rest}`;
        expect([canonicalPhone(`+55${ddd}${rest}`), canonicalPhone(full), phoneOfWaId(waIdOf(full))]).toEqual([full, full, full]);
      }),
    );
  });

  it('of a house in Brazil has no ninth digit', () => {
    fc.assert(
      fc.property(area, digits(20_000_000, 59_999_999), (ddd, rest) => {
        expect(canonicalPhone(`+55${ddd}${rest}`)).toBe(`+55${ddd}${rest}`);
      }),
    );
  });

  it('of Mexico is the same with the 1 of before and without', () => {
    expect([canonicalPhone('+5215512345678'), canonicalPhone('+525512345678')]).toEqual(['+525512345678', '+525512345678']);
    expect([canonicalPhone('+541123456789'), canonicalPhone('+5491123456789')]).toEqual(['+5491123456789', '+5491123456789']);
  });

  it('of any country stays what it is', () => {
    const numbers = getCountries().flatMap((country) => getExampleNumber(country, examples)?.number ?? []);
    expect(numbers.length).toBeGreaterThan(200);
    expect(numbers.map(canonicalPhone)).toEqual(numbers);
  });

  it('has one key, and the key has itself', () => {
    const any = fc.oneof(
      mobile.map(([ddd, rest]) => `+55${ddd}${rest}`),
      digits(1_000_000, 999_999_999_999).map((all) => `+${all}`),
    );
    fc.assert(
      fc.property(any, (phone) => {
        expect(canonicalPhone(canonicalPhone(phone))).toBe(canonicalPhone(phone));
      }),
    );
  });

  it.each(['', '0551198765432', '123', 'BR.12', '5511987654321x', '1'.repeat(16)])('is not %j', (waId) =>
    expect(phoneOfWaId(waId)).toBeUndefined(),
  );
});
