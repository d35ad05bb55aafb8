import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { ProviderFault } from '../../src/ai/providers/provider.js';
import { beforeTheApi, expectFault, faultOf, read } from '../support/ai.js';
import type { Manner } from '../support/openai.js';
import { msOf } from '../support/pix.js';

const here = beforeTheApi();
const nothing = { pieces: [], text: '' };

describe('an answer that is not as it should be', () => {
  it.each<[string, Manner, number]>([
    ['a page', 'html', 1],
    ['called a text', 'plain', 1],
    ['another address', 'redirect', 1],
    ['none', 'hang up', 1],
    ['403', { status: 403 }, 1],
    ['500', { status: 500 }, 3],
    ['503', { status: 503 }, 3],
    ['429', { status: 429, retryAfter: '0' }, 3],
    ['429 for a minute', { status: 429, retryAfter: '60' }, 1],
    ['503 until a day', { status: 503, retryAfter: new Date(Date.now() + 60_000).toUTCString() }, 1],
  ])('%s: it is away, whole or in pieces', async (_what, how, tries) => {
    here.api.behave(how);
    await expectFault(here.chat(), { kind: 'away', sent: true });
    expect(here.api.ledger).toHaveLength(tries);
    expect(here.told('warn')).toHaveLength(1);
    await here.connect();
    expect(await here.read()).toMatchObject({ ...nothing, fault: { kind: 'away', sent: true } });
    expect(here.api.ledger).toHaveLength(2 * tries);
    expect(here.told('warn')).toHaveLength(1);
  });

  it.each<[string, Manner]>([
    ['half of one', 'truncated'],
    ['a list', { says: [] }],
    ['null', { says: null }],
    ['an error with 200', { says: { error: { message: 'no' } } }],
  ])('%s: it is away', async (_what, how) => {
    here.api.behave(how);
    await expectFault(here.chat(), { kind: 'away', sent: true });
    expect(here.api.ledger).toHaveLength(1);
  });

  it('one of 16 MB was asked for, and keeps nobody else from asking', async () => {
    here.api.behave('flood');
    for (let times = 0; times < 6; times += 1) await expectFault(here.chat(), { kind: 'cut', sent: true });
    here.api.behave('well');
    await here.chat();
  });

  it.each<[string, unknown[]]>([
    ['no piece', []],
    ['what is no JSON', ['{']],
    ['a list', ['[]']],
    ['an error', [{ error: { message: 'no', type: 'server_error' } }]],
  ])('a stream with %s: it is away', async (_what, says) => {
    here.api.behave({ says });
    expect((await here.read()).fault).toMatchObject({ kind: 'away', sent: true });
  });

  it('is away for as long as it says', async () => {
    here.api.behave({ status: 429, retryAfter: '60' }, { times: 1 });
    await expectFault(here.chat(), { details: { status: 429, retryAfterMs: 60_000 } });
    here.api.behave({ status: 503, retryAfter: new Date(Date.now() + 60_000).toUTCString() }, { times: 1 });
    const { details } = await expectFault(here.chat(), { kind: 'away' });
    expect(details.retryAfterMs).toBeGreaterThan(55_000);
    expect(details.retryAfterMs).toBeLessThan(60_001);
  });

  it.each<[string, Manner]>([
    ['500', { status: 500 }],
    ['429', { status: 429 }],
  ])('once, %s: it is asked again', async (_what, how) => {
    here.api.behave(how, { times: 1 });
    await here.chat();
    here.api.behave(how, { times: 1 });
    expect((await here.read()).fault).toBeUndefined();
    expect(here.api.ledger).toHaveLength(4);
  });

  it('gets the second that it asks for', async () => {
    here.api.behave({ status: 503, retryAfter: '1' }, { times: 1 });
    expect(await msOf(here.chat())).toBeGreaterThan(990);
  });
});

describe('a refusal', () => {
  it.each([400, 404, 409, 422])('with %d is told with what is known of it, without our key', async (status) => {
    const error = {
      message: `Bad ${here.api.key}! ${'x'.repeat(10_000)}`,
      type: 'invalid',
      param: ['not text'],
      code: 'c',
      headers: { a: 1 },
    };
    here.api.behave({ status, error });
    const { message, details } = await expectFault(here.chat(), { kind: 'refused', sent: true });
    const told = details.body as { error: { message: string } };
    expect(details).toEqual({
      status,
      body: { error: { message: expect.stringMatching(/^Bad \[hidden\]! x+$/) as string, type: 'invalid', code: 'c' } },
    });
    expect(told.error.message.length).toBeLessThanOrEqual(300);
    expect(message).not.toContain(here.api.key);
    expect((await here.read()).fault).toMatchObject({ kind: 'refused', details });
    expect(here.api.ledger).toHaveLength(2);
  });

  it('is not a reason to leave it alone', async () => {
    here.api.behave({ status: 400 }, { times: 10 });
    for (let n = 0; n < 10; n += 1) await expectFault(here.chat(), { kind: 'refused' });
    await here.chat();
  });

  it('of our key is an error of ours', async () => {
    const apiKey = 'sk-another-key-0123456789';
    await here.connect({ apiKey });
    const fault = await expectFault(here.chat(), { kind: 'away', details: { status: 401 } });
    expect(JSON.stringify([fault.message, fault.details, here.lines])).not.toContain(apiKey);
    expect(here.told('error')).toEqual([expect.objectContaining({ ai: 'first', status: 401 })]);
    expect(here.api.ledger).toHaveLength(1);
  });
});

it('hides our key where it is said back in an answer', async () => {
  const says = { choices: [{ message: { content: `It is ${here.api.key}.` } }] };
  here.api.behave({ says }, { times: 1 });
  expect((await here.chat()).body).toEqual({ choices: [{ message: { content: 'It is [hidden].' } }] });
  here.api.behave({ says: [{ choices: [{ delta: { content: here.api.key } }] }] });
  expect((await here.read()).text).toBe('[hidden]');
});

describe('a usage that lies', () => {
  it.each<[string, unknown]>([
    ['none', undefined],
    ['null', null],
    ['a text', '12'],
    ['texts', { prompt_tokens: '7', completion_tokens: 'NaN' }],
    ['less than nothing', { prompt_tokens: 7, completion_tokens: -1 }],
    ['a fraction', { prompt_tokens: 7.5, completion_tokens: 1 }],
    ['more than can be counted', { prompt_tokens: 7, completion_tokens: 1e300 }],
    ['half of it', { prompt_tokens: 7 }],
  ])('%s is none', async (_what, usage) => {
    here.api.behave({ usage });
    expect((await here.chat()).usage).toBeUndefined();
    const { fault, pieces } = await here.read();
    expect(fault).toBeUndefined();
    expect(pieces.map((piece) => piece.usage)).toEqual(pieces.map(() => undefined));
  });

  it.each([0, Number.MAX_SAFE_INTEGER])('%d can be true', async (tokens) => {
    here.api.behave({ usage: { prompt_tokens: 0, completion_tokens: tokens } });
    const usage = { promptTokens: 0, completionTokens: tokens };
    expect((await here.chat()).usage).toEqual(usage);
    expect((await here.read()).usage).toEqual(usage);
  });
});

describe('a stream that breaks off', () => {
  it.each<[string, Manner, number]>([
    ['in the middle', { cutAfter: 3 }, 3],
    ['with an error', { errorAfter: 3 }, 3],
    ['without its end', 'no done', 14],
    ['in the middle of a piece', 'truncated', 1],
  ])('%s is cut, and not tried again', async (_what, how, count) => {
    here.api.behave(how);
    const { fault, pieces } = await here.read();
    expect(fault).toBeInstanceOf(ProviderFault);
    expect(fault).toMatchObject({ kind: 'cut', sent: true });
    expect(JSON.stringify((fault as ProviderFault).details)).not.toContain(here.api.key);
    expect(pieces).toHaveLength(count);
    expect(here.api.ledger).toHaveLength(1);
    expect(here.told('warn')).toHaveLength(1);
  });

  it.each<Manner>([{ cutAfter: 0 }, { errorAfter: 0 }])('before its first piece, by %j, is away', async (how) => {
    here.api.behave(how);
    expect(await here.read()).toMatchObject({ ...nothing, fault: { kind: 'away', sent: true } });
  });

  it('with a line of 64 MB is not read to its end', async () => {
    here.api.behave({ lineBytes: 64_000_000 });
    expect(await here.read()).toMatchObject({ ...nothing, fault: { kind: 'away', message: 'an event of more than 1048576 bytes' } });
    const { bytes } = await here.api.entry(({ goneAt }) => goneAt !== undefined);
    expect(bytes).toBeLessThan(32_000_000);
  });
});

describe('whoever is slow', () => {
  const short = { answerMs: 80, firstPieceMs: 80, idleMs: 80, connectMs: 80 };

  it.each<Manner>(['silent', 'only comments', { firstByteMs: 5_000 }])(
    'with the first piece, by %j, is away, and sees us go',
    async (how) => {
      await here.connect({}, short);
      here.api.behave(how);
      const began = performance.now();
      expect((await here.read()).fault).toMatchObject({ kind: 'away', sent: true });
      const { goneAt } = await here.api.entry((entry) => entry.goneAt !== undefined);
      expect(goneAt! - began).toBeLessThan(1_000);
    },
  );

  it('with an answer is away', async () => {
    await here.connect({}, short);
    here.api.behave('silent');
    await expectFault(here.chat(), { kind: 'away', sent: true });
    await here.api.entry((entry) => entry.goneAt !== undefined);
  });

  it('between two pieces is cut off', async () => {
    await here.connect({}, short);
    here.api.behave('gated');
    here.api.release(2);
    expect(await here.read()).toMatchObject({ pieces: [{ text: 'cada ' }, { text: 'doação ' }], fault: { kind: 'cut', sent: true } });
    await here.api.entry((entry) => entry.goneAt !== undefined);
  });

  it('to read is no fault of the provider', async () => {
    await here.connect({}, { idleMs: 50 });
    const stream = here.stream();
    await stream.next();
    await pause(150);
    expect((await read(stream)).fault).toBeUndefined();
  });
});

describe('whoever is not there', () => {
  it('was sent nothing', async () => {
    await here.api.stop();
    await expectFault(here.chat(), { kind: 'away', sent: false, message: 'no answer: ECONNREFUSED' });
    expect((await here.read()).fault).toMatchObject({ kind: 'away', sent: false });
  });

  it('any more when it is tried again was sent what it had before', async () => {
    here.api.behave({ status: 503, retryAfter: '0.3' });
    const work = expectFault(here.chat(), { kind: 'away', sent: true, message: 'no answer: ECONNREFUSED' });
    await here.api.entry(({ done }) => done);
    await here.api.stop();
    await work;
  });

  it('is a fault even for those who came too late for a connection', async () => {
    await here.connect({}, { connections: 1, answerMs: 80 });
    here.api.behave('silent');
    const first = faultOf(here.stream().next());
    await here.api.entry();
    await expectFault(here.chat(), { kind: 'away', sent: false });
    await here.ai.close();
    expect(await first).toMatchObject({ kind: 'away', sent: true });
  });

  it('and never greets was sent nothing', async () => {
    const mute: Server = createServer((socket) => socket.on('error', () => undefined));
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    const baseUrl = `https://127.0.0.1:${(mute.address() as AddressInfo).port}/v1`;
    await here.connect({ baseUrl }, { answerMs: 100 });
    const asked = expectFault(here.chat(), { kind: 'away', sent: false });
    const [socket] = (await once(mute, 'connection')) as [Socket];
    await asked;
    await here.ai.close();
    socket.destroy();
    mute.close();
  });
});
