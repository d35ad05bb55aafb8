import { describe, expect, it } from 'vitest';
import { OPEN_MS } from '../../src/campaigns/payments/pix.client.js';
import { passMs, putBackMs } from '../support/clocks.js';
import { beforeTheBank, expectDown, msOf, quickest } from '../support/pix.js';
import type { Manner } from '../support/psp.js';

const bank = beforeTheBank();

describe('a bank that misbehaves', () => {
  it.each<[string, Manner, number]>([
    ['answers with a page', 'html', 3],
    ['calls its answer a text', 'plain', 3],
    ['stops in the middle of its answer', 'truncated', 3],
    ['floods', 'flood', 3],
    ['sends elsewhere', 'redirect', 3],
    ['fails', { status: 500 }, 3],
    ['is overloaded', { status: 503 }, 3],
    ['asks to wait for a minute', { status: 503, retryAfter: '60' }, 1],
    ['asks to wait until a day', { status: 429, retryAfter: new Date(Date.now() + 60_000).toUTCString() }, 1],
    ['refuses the sender', { status: 403 }, 1],
  ])('and %s: no charge, after no more tries than are of use', async (_what, how, tries) => {
    bank.psp.behave(how, { at: 'put cob' });
    expect(await msOf(expectDown(bank.charge()))).toBeLessThan(5_000);
    expect(bank.psp.counts).toMatchObject({ token: 1, 'put cob': tries, 'get cob': 0 });
    expect(bank.lines.filter(({ level }) => level === 'warn' || level === 'error')).toHaveLength(1);
  });

  it.each<Manner>([
    'html',
    'truncated',
    'flood',
    'cut',
    { status: 500 },
    { says: { access_token: '' } },
    { says: { access_token: 'a\r\nb: c' } },
  ])('at the sign-in, by %j', async (how) => {
    bank.psp.behave(how, { at: 'token' });
    await expectDown(bank.charge());
    expect(bank.psp.counts).toMatchObject({ token: 3, 'put cob': 0 });
  });

  it.each<Manner>(['html', 'truncated', 'cut', { status: 502 }, { status: 429, retryAfter: '1' }])(
    'once, by %j, and is asked again',
    async (how) => {
      bank.psp.behave(how, { at: 'put cob', times: 1 });
      expect(await bank.charge()).toMatchObject({ method: 'pix' });
      expect(bank.psp.counts['put cob']).toBe(2);
      expect(bank.psp.charges.size).toBe(1);
    },
  );

  it('and asks to wait for a second gets it', async () => {
    bank.psp.behave({ status: 503, retryAfter: '1' }, { at: 'put cob', times: 1 });
    expect(await msOf(bank.charge())).toBeGreaterThan(990);
  });

  it('and is silent is waited for no longer than 4 s', async () => {
    bank.psp.behave('silent', { at: 'put cob' });
    const ms = await msOf(expectDown(bank.charge()));
    expect(ms).toBeGreaterThan(3_900);
    expect(ms).toBeLessThan(7_000);
  });

  it('and is silent is waited for no longer than whoever asks', async () => {
    bank.psp.behave('silent');
    const gone = new AbortController();
    const heard = bank.psp.heard('token');
    const work = expectDown(bank.charge({}, gone.signal));
    await heard;
    gone.abort();
    expect(await msOf(work)).toBeLessThan(1_500);
    await expectDown(bank.charge({}, gone.signal));
    expect(bank.told('warn')).toEqual([]);
  });

  it('and is silent for five in a row is left alone', async () => {
    bank.psp.behave('silent');
    for (let n = 0; n < 5; n += 1) await expectDown(bank.charge({}, AbortSignal.timeout(50)));
    expect(await msOf(expectDown(bank.charge()))).toBeLessThan(1_000);
  });

  it('has not failed where it was we who left', async () => {
    bank.psp.behave('silent', { at: 'put cob' });
    for (let n = 0; n < 6; n += 1) {
      const gone = new AbortController();
      const heard = bank.psp.heard('put cob');
      const work = expectDown(bank.charge({}, gone.signal));
      await heard;
      gone.abort();
      await work;
    }
    bank.psp.behave('well');
    expect(await bank.charge()).toMatchObject({ method: 'pix' });
  });

  it('and is not there', async () => {
    await bank.psp.stop();
    await expectDown(bank.charge());
    expect(bank.told('warn')[0]).toMatchObject({ why: expect.stringContaining('ECONNREFUSED') as string });
  });

  it.each<[string, object]>([
    ['another name', { txid: 'x'.repeat(32) }],
    ['another amount', { valor: { original: '123.46' } }],
    ['an amount that is none', { valor: { original: '123,45' } }],
    ['an amount that is a number', { valor: { original: 123.45 } }],
    ['another key', { chave: 'somebody@else.example' }],
    ['no code', { pixCopiaECola: undefined }],
    ['a code that is none', { pixCopiaECola: '00020126580014br.gov.bcb.pix' }],
    ['nothing of a charge', { status: null }],
  ])('and answers with %s', async (_what, says) => {
    bank.psp.behave({ says }, { at: 'put cob' });
    await expectDown(bank.charge());
    expect(bank.told('error')).toHaveLength(1);
  });

  it('is left alone after five failures, until it is back, also where the time of day was put back meanwhile', async () => {
    bank.psp.behave({ status: 500 });
    await expectDown(bank.charge());
    await expectDown(bank.charge());
    const before = bank.psp.counts.token;
    expect(before).toBe(5);
    expect(await quickest(20, () => expectDown(bank.charge()))).toBeLessThan(50);
    expect(bank.psp.counts.token).toBe(before);

    putBackMs(300_000);
    passMs(OPEN_MS);
    bank.psp.behave('well');
    bank.psp.behave({ slowMs: 300 }, { at: 'put cob', times: 1 });
    const first = bank.charge();
    await expectDown(bank.charge());
    expect(await first).toMatchObject({ method: 'pix' });
    expect(await bank.charge()).toMatchObject({ method: 'pix' });
    expect(bank.lines.map(({ msg }) => msg)).toContain('the Pix provider is back');
  });
});

describe('a bank that wants something else of us', () => {
  it('is told of with what it says, but for values', async () => {
    await expectDown(bank.charge({ txid: 'too-short' }));
    expect(bank.psp.counts).toMatchObject({ 'put cob': 1, 'get cob': 1 });
    const [line] = bank.told('error');
    expect(line).toMatchObject({
      status: 400,
      problem: {
        type: expect.stringMatching(/CobOperacaoInvalida$/) as string,
        title: 'Cobrança inválida',
        violacoes: [{ propriedade: 'txid' }],
      },
    });
  });

  it('is not away', async () => {
    bank.psp.behave({ status: 403 }, { at: 'put cob', times: 10 });
    for (let n = 0; n < 10; n += 1) await expectDown(bank.charge());
    expect(await bank.charge()).toMatchObject({ method: 'pix' });
  });

  it('does not know our key', async () => {
    await bank.connect({ key: 'other@mutirao.example' });
    await expectDown(bank.charge());
    expect(bank.told('error')[0]).toMatchObject({
      problem: { violacoes: [{ razao: expect.any(String) as string, propriedade: 'cob.chave' }] },
    });
    expect(JSON.stringify(bank.lines)).not.toContain('telhado');
  });

  it('does not know our secret', async () => {
    await bank.connect({ clientSecret: 'wrong' });
    await expectDown(bank.charge());
    expect(bank.psp.counts).toMatchObject({ token: 1, 'put cob': 0 });
    expect(bank.told('error')[0]).toMatchObject({ pix: 'the sign-in', status: 401, problem: { error: 'invalid_client' } });
  });

  it('never takes a token', async () => {
    bank.psp.behave({ status: 401 }, { at: 'put cob' });
    await expectDown(bank.charge());
    expect(bank.psp.counts).toMatchObject({ token: 2, 'put cob': 2 });
  });
});
