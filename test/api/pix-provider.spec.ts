import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { isBrCode } from '../../src/campaigns/payments/br-code.js';
import type { PixSettings } from '../../src/campaigns/payments/pix.provider.js';
import { randomHex } from '../../src/kernel/ids.js';
import { aCertificate } from '../support/certificate.js';
import { aCharge, aSignal, beforeTheBank, expectDown } from '../support/pix.js';

const bank = beforeTheBank();

describe('the token', () => {
  it('is one for all who come at once, over no more than 50 connections', async () => {
    bank.psp.behave({ slowMs: 50 });
    await Promise.all(Array.from({ length: 200 }, () => bank.charge()));
    expect(bank.psp.counts).toMatchObject({ token: 1, 'put cob': 200 });
    expect(bank.psp.open()).toBeLessThanOrEqual(50);
  });

  it('is fetched once more where it is not taken any more', async () => {
    await bank.charge();
    bank.psp.revoke();
    bank.psp.behave({ slowMs: 50 }, { at: 'token' });
    await Promise.all(Array.from({ length: 20 }, () => bank.charge()));
    expect(bank.psp.counts.token).toBe(2);
  });

  it('is fetched anew before it ends', async () => {
    await bank.restart({ tokenSeconds: 0.001 });
    await bank.charge();
    await bank.charge();
    expect(bank.psp.counts.token).toBe(2);
  });
});

describe('a charge', () => {
  it('has the code that the bank gave, and is the same again', async () => {
    const asked = aCharge({ title: '🌱'.repeat(150) });
    const first = await bank.pix.charge(asked, aSignal());
    const { pixCopiaECola: brCode, ...cob } = bank.psp.charges.get(asked.txid)!;
    expect(first).toEqual({ method: 'pix', brCode, txid: asked.txid, expiresAt: asked.expiresAt.toISOString() });
    expect(isBrCode(brCode)).toBe(true);
    expect(cob).toMatchObject({ valor: { original: '123.45' }, solicitacaoPagador: '🌱'.repeat(140) });
    expect(cob.calendario.expiracao).toBeGreaterThan(3_590);
    for (const status of [400, 409, 422]) {
      bank.psp.duplicatesAre(status);
      expect(await bank.pix.charge(asked, aSignal())).toEqual(first);
    }
    await expectDown(bank.pix.charge({ ...asked, amountCents: 12_346 }, aSignal()));
    expect(bank.psp.charges.size).toBe(1);
  });

  it('is one, however many ask for it at once', async () => {
    const asked = aCharge();
    const all = await Promise.all(Array.from({ length: 20 }, () => bank.pix.charge(asked, aSignal())));
    expect(new Set(all.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(bank.psp.charges.size).toBe(1);
  });

  it('whose time is over is asked for with a second left', async () => {
    const asked = aCharge({ expiresAt: new Date(0) });
    await bank.pix.charge(asked, aSignal());
    expect(bank.psp.charges.get(asked.txid)!.calendario.expiracao).toBe(1);
  });
});

describe('what became of a charge', () => {
  let txid: string;
  const look = () => bank.pix.look(txid, aSignal());
  beforeEach(async () => {
    txid = randomHex(32);
    await bank.charge({ txid });
  });

  it.each<[string, object]>([
    ['another one', { txid: 'x'.repeat(32) }],
    ['paid by nobody', { status: 'CONCLUIDA' }],
    ['paid with what is no amount', { status: 'CONCLUIDA', pix: [{ endToEndId: 'E'.repeat(32), valor: '1.234,00' }] }],
    ['paid under a strange name', { status: 'CONCLUIDA', pix: [{ endToEndId: '../..', valor: '1.00' }] }],
  ])('is not told where the bank says of %s', async (_what, says) => {
    bank.psp.behave({ says }, { at: 'get cob' });
    await expectDown(look());
  });

  it('is not told where nobody answers as he should', async () => {
    bank.psp.behave('html', { at: 'get cob' });
    await expectDown(look());
  });

  it('waits while the bank does not know it, or has no money', async () => {
    expect(await look()).toEqual({ status: 'waiting' });
    expect(await bank.pix.look(randomHex(32), aSignal())).toEqual({ status: 'waiting' });
    bank.psp.charges.get(txid)!.status = 'A_STATUS_OF_LATER';
    expect(await look()).toEqual({ status: 'waiting' });
  });

  it.each(['REMOVIDA_PELO_USUARIO_RECEBEDOR', 'REMOVIDA_PELO_PSP'])('is a failure where it is %s', async (status) => {
    bank.psp.charges.get(txid)!.status = status;
    expect(await look()).toEqual({ status: 'failed' });
  });

  it('is what was paid, also where that is something else', async () => {
    const { endToEndId: reference } = await bank.psp.pay(txid, { cents: 99 });
    expect(await look()).toEqual({ status: 'paid', amountCents: 99, reference, returnedCents: 0 });
    bank.psp.giveBack(reference, 30);
    bank.psp.giveBack(reference, 10);
    expect(await look()).toMatchObject({ status: 'paid', returnedCents: 40 });
  });

  it('is told to whoever listens', async () => {
    const bodies: unknown[] = [];
    const listener: Server = createServer((request, response) => {
      request.on('data', (part: Buffer) => bodies.push({ url: request.url, ...(JSON.parse(part.toString()) as object) }));
      request.on('end', () => response.end());
    });
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    const webhook = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/hook`;
    const { endToEndId, status } = await bank.psp.pay(txid, { webhook });
    expect(status).toBe(200);
    expect(bodies).toEqual([{ url: '/hook/pix', pix: [expect.objectContaining({ endToEndId, txid, valor: '123.45' })] }]);
    listener.closeAllConnections();
    listener.close();
  });
});

describe('a refund', () => {
  let order: { id: string; txid: string; amountCents: number; reference: string };
  const refund = (over: object = {}) => bank.pix.refund({ ...order, ...over }, aSignal());
  beforeEach(async () => {
    const txid = randomHex(32);
    await bank.charge({ txid });
    const { endToEndId: reference } = await bank.psp.pay(txid);
    order = { id: randomHex(32), txid, amountCents: 12_000, reference };
  });

  it('of more than came, or of what never came, is refused', async () => {
    await expectDown(refund({ amountCents: 12_346 }));
    await expectDown(refund({ reference: `E${'0'.repeat(31)}` }));
    await expectDown(refund({ reference: '../../cob' }));
    expect(bank.told('error').map(({ status }) => status)).toEqual([400, 404, 404]);
  });

  it('of another amount under the same name is refused', async () => {
    await refund();
    await expectDown(refund({ amountCents: 1 }));
  });

  it.each([400, 409])('is ordered once, however often it is asked for (%d)', async (status) => {
    bank.psp.duplicatesAre(status);
    bank.psp.behave('cut', { at: 'put devolucao', times: 1 });
    expect(await refund()).toBe('pending');
    expect(await Promise.all([refund(), refund(), refund()])).toEqual(['pending', 'pending', 'pending']);
    bank.psp.settle(order.reference, order.id, 'DEVOLVIDO');
    expect(await refund()).toBe('done');
    bank.psp.settle(order.reference, order.id, 'NAO_REALIZADO');
    expect(await refund()).toBe('failed');
  });
});

describe('with certificates', () => {
  const [server, client, stranger] = ['server', 'client', 'stranger'].map(aCertificate) as [Pair, Pair, Pair];
  type Pair = ReturnType<typeof aCertificate>;

  beforeEach(async () => {
    await bank.restart({ tls: { ...server, ca: [client.cert] } });
  });

  it.each<[string, PixSettings['tls']]>([
    ['without one', { ca: server.cert }],
    ['with that of a stranger', { ...stranger, ca: server.cert }],
    ['to a server that nobody vouches for', client],
  ])('nothing is asked %s', async (_what, tls) => {
    await bank.connect({ tls });
    await expectDown(bank.charge());
    expect(bank.psp.counts.token).toBe(0);
  });

  it('both sides know each other', async () => {
    await bank.connect({ tls: { ...client, ca: server.cert } });
    expect(await bank.charge()).toMatchObject({ method: 'pix' });
  });
});

it('ends its connections', async () => {
  bank.psp.behave('silent', { at: 'put cob' });
  const heard = bank.psp.heard('put cob');
  const work = expectDown(bank.charge());
  await heard;
  await bank.pix.close();
  await work;
  await expectDown(bank.charge());
  await vi.waitFor(() => expect(bank.psp.open()).toBe(0));
});
