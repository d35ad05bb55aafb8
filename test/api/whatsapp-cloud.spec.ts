import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { knownCodes, metaErrorOf } from '../../src/queues/whatsapp/provider/meta-errors.js';
import type { Outcome } from '../../src/queues/whatsapp/provider/provider.js';
import { aCertificate } from '../support/certificate.js';
import { CLOUD } from '../support/cloud-api.answers.js';
import { aMessage, beforeMeta } from '../support/cloud-client.js';

const here = beforeMeta();

describe('Meta says why it does not take a message', () => {
  it.each<[number, Partial<Outcome>]>([
    [80007, { kind: 'wait', whom: 'all', waitMs: 60_000 }],
    [130429, { kind: 'wait', whom: 'all', waitMs: 4_000 }],
    [131056, { kind: 'wait', whom: 'recipient' }],
    [131026, { kind: 'stop' }],
    [131047, { kind: 'stop' }],
    [131050, { kind: 'stop', optsOut: true }],
    [190, { kind: 'fix' }],
    [200, { kind: 'fix' }],
    [299, { kind: 'fix' }],
    [131042, { kind: 'fix' }],
  ])('with %s', async (code, expected) => {
    here.meta.behave({ error: code });
    const outcome = await here.send();
    expect(outcome).toMatchObject({ ...expected, code });
    expect('why' in outcome && outcome.why).toMatch(/^[a-zA-Z]/);
    expect(here.meta.journal()).toHaveLength(1);
  });

  it.each([1, 2, 131000, 131016])('with %s and a status of 500 or more: it may have taken it', async (code) => {
    here.meta.behave({ error: code, status: 500 });
    expect(await here.send()).toMatchObject({ kind: 'unknown' });
  });

  it('and when it may be tried again, within reason', async () => {
    for (const [retryAfter, waitMs] of [
      ['7', 7_000],
      ['0', 1_000],
      ['9999999', 3_600_000],
      ['soon', 4_000],
    ] as const) {
      here.meta.behave('well');
      here.meta.behave({ error: 130429, retryAfter });
      expect(await here.send()).toMatchObject({ kind: 'wait', waitMs });
    }
  });

  it('with a code that is on no list', async () => {
    for (const [status, kind] of [
      [400, 'stop'],
      [429, 'wait'],
      [401, 'fix'],
      [500, 'unknown'],
    ] as const) {
      here.meta.behave('well');
      here.meta.behave({ error: 999_999, status });
      expect(await here.send()).toMatchObject({ kind });
    }
  });

  it('of a number, a template or a token that is not there', async () => {
    await here.connect({}, here.meta.url, 'another-token');
    expect(await here.send()).toMatchObject({ kind: 'fix', code: 190 });
    await here.connect({}, `${here.meta.url}/0`);
    expect(await here.send()).toMatchObject({ kind: 'fix', code: 100 });
    await here.connect();
    const templates = [
      { name: 'none', language: 'pt_BR' },
      { name: 'greeting', language: 'pt_BR', parameters: ['one'] },
    ];
    const [none, many] = [await here.send(aMessage({ template: templates[0]! })), await here.send(aMessage({ template: templates[1]! }))];
    expect([none, many]).toMatchObject([
      { kind: 'stop', code: 132001 },
      { kind: 'stop', code: 132000 },
    ]);
  });

  it('in a table where each has words of its own, and advice where somebody has to do something', () => {
    expect(knownCodes.length).toBeGreaterThan(70);
    for (const code of knownCodes) {
      const error = metaErrorOf(code)!;
      expect(error.says).toMatch(/^[A-Za-z].*[^.]$/);
      if (error.kind === 'wait') expect(error.waitMs).toBeGreaterThanOrEqual(1_000);
      else expect(error.advice).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('nobody knows whether it was taken', () => {
  it.each(['html', 'cut', 'flood', 'broken'] as const)('after %s', async (how) => {
    here.meta.behave(how);
    expect(await here.send()).toMatchObject({ kind: 'unknown' });
    expect(here.meta.journal()).toHaveLength(1);
  });

  it.each([
    { status: 200, says: '{}' },
    { status: 200, says: '{"messages":[]}' },
    { status: 200, says: '{"messages":[{"id":5}]}' },
    { status: 200, says: '{"messages":[{"id":"two words"}]}' },
    { status: 200, says: 'null' },
    { status: 204, says: '' },
    { status: 400, says: '{"error":"no"}' },
    { status: 503, says: '{"error":{"code":"2"}}' },
    { status: 500, says: `{"error":{"code":1},"x":"${'x'.repeat(70_000)}"}` },
    { status: 500, says: '<h1>no</h1>', type: 'text/html' },
  ])('after $status and $says', async (how) => {
    here.meta.behave(how);
    expect(await here.send()).toMatchObject({ kind: 'unknown' });
  });

  it('after silence, and the next message goes over a connection of its own', async () => {
    await here.connect({ answerMs: 150 });
    here.meta.behave('silent', { times: 1 });
    expect(await here.send()).toEqual({ kind: 'unknown', why: 'no answer in time' });
    expect(await here.send()).toMatchObject({ kind: 'sent' });
  });

  it('when a kept connection ends under it', async () => {
    await here.send();
    here.meta.behave('cut');
    expect(await here.send()).toMatchObject({ kind: 'unknown' });
    expect(here.meta.counts).toMatchObject({ messages: 2, connections: 1 });
  });

  it('when whoever waited for it leaves', async () => {
    here.meta.behave('silent');
    const leaving = new AbortController();
    const sent = here.send(aMessage(), leaving.signal);
    await here.meta.heard(1);
    leaving.abort();
    expect(await sent).toMatchObject({ kind: 'unknown' });
  });
});

describe('it was certainly not taken', () => {
  const listen = async (server: Server) => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  };

  it('where nobody listens', async () => {
    await here.meta.leave();
    expect(await here.send()).toEqual({ kind: 'wait', whom: 'all', waitMs: 5_000, why: expect.stringContaining('ECONNREFUSED') as string });
  });

  it('where a kept connection has ended, and nobody listens any more', async () => {
    await here.send();
    await here.meta.leave();
    expect(await here.send()).toMatchObject({ kind: 'wait', whom: 'all' });
  });

  it('where a kept connection ended in the very moment before', async () => {
    await here.send();
    const left = here.meta.leave();
    expect(await here.send()).toMatchObject({ kind: 'wait', why: expect.stringContaining('ECONNREFUSED') as string });
    await left;
  });

  it('where the name is nobody’s', async () => {
    await here.connect({}, 'http://nobody.invalid/v23.0');
    expect(await here.send()).toMatchObject({ kind: 'wait', whom: 'all', why: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) as string });
  });

  it('where it speaks no TLS, or with a certificate that nobody vouches for', async () => {
    await here.connect({}, here.meta.url.replace('http:', 'https:'));
    expect(await here.send()).toMatchObject({ kind: 'wait', whom: 'all' });
    const server = createTlsServer(aCertificate('localhost'), () => expect.unreachable());
    await here.connect({}, `https://localhost:${await listen(server)}/v23.0`);
    expect(await here.send()).toMatchObject({ kind: 'wait', why: expect.stringContaining('SELF_SIGNED') as string });
    server.close();
  });

  it('where it does not even greet', async () => {
    const server = createServer();
    await here.connect({ connectMs: 100 }, `https://127.0.0.1:${await listen(server)}/v23.0`);
    expect(await here.send()).toMatchObject({ kind: 'wait', why: expect.stringContaining('CONNECT_TIMEOUT') as string });
    server.close();
  });

  it('where whoever waited for it left before there was a connection, and never goes out afterwards', async () => {
    await here.connect({ connections: 1, answerMs: 400 });
    here.meta.behave('silent', { text: 'first' });
    const first = here.send(aMessage({ text: 'first' }));
    await here.meta.heard(1);
    const leaving = new AbortController();
    const gone = { kind: 'wait', whom: 'message', waitMs: 1_000 };
    const [second, third] = [
      here.send(aMessage({ text: 'second' }), leaving.signal),
      here.send(aMessage({ text: 'third' }), AbortSignal.abort()),
    ];
    leaving.abort();
    expect(await Promise.all([second, third])).toMatchObject([gone, gone]);
    expect(await first).toMatchObject({ kind: 'unknown' });
    expect(await here.send(aMessage({ text: 'fourth' }))).toMatchObject({ kind: 'sent' });
    expect(here.meta.journal().map(({ body }) => body.text?.body)).toEqual(['first', 'fourth']);
  });

  it.each([301, 302, 307, 308])('where it is sent elsewhere with %s, whither nobody follows', async (status) => {
    here.meta.behave({ status, says: '{"messages":[{"id":"wamid.x"}]}' });
    expect(await here.send()).toMatchObject({ kind: 'fix', advice: expect.stringContaining('WHATSAPP_API_URL') as string });
    here.meta.behave('well');
    here.meta.behave('redirect');
    expect(await here.send()).toMatchObject({ kind: 'fix' });
    expect(here.meta.counts.messages).toBe(2);
  });

  it('where somebody else than Meta says so', async () => {
    for (const [status, kind] of [
      [401, 'fix'],
      [403, 'fix'],
      [404, 'fix'],
      [405, 'fix'],
      [429, 'wait'],
    ] as const) {
      here.meta.behave('well');
      here.meta.behave({ status, says: '<h1>no</h1>', type: 'text/html' });
      expect(await here.send()).toMatchObject({ kind });
    }
  });
});

it('what Meta says back of the token is hidden, and its details are cut', async () => {
  const details = `${CLOUD.WHATSAPP_ACCESS_TOKEN}\n${'x'.repeat(1_000)}`;
  here.meta.behave({ status: 400, says: JSON.stringify({ error: { code: 100, error_data: { details } } }) });
  const outcome = await here.send();
  expect(outcome).toMatchObject({ kind: 'stop', why: expect.stringContaining('[hidden] xxx') as string });
  expect('why' in outcome && outcome.why.length).toBeLessThan(400);
});
