import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { chooseProvider } from '../../src/queues/whatsapp/provider/choose.js';
import { outcomeOf } from '../../src/queues/whatsapp/provider/cloud.answers.js';
import { knownCodes } from '../../src/queues/whatsapp/provider/meta-errors.js';
import type { Outgoing } from '../../src/queues/whatsapp/provider/provider.js';
import { isSigned, readWebhook } from '../../src/queues/whatsapp/provider/webhook.reading.js';
import { aNotice, anInbound, aStatus, CLOUD, METAS_TEMPLATES } from '../support/cloud-api.answers.js';
import { aMessage, aSignal, beforeMeta, TO } from '../support/cloud-client.js';

const here = beforeMeta();

describe('a message that is taken', () => {
  it('is written as Meta wants it, once, with our name of it', async () => {
    const text = aMessage({ text: 'Olá 👋 https://a.example' });
    const template = { name: 'donation_receipt', language: 'pt_BR', parameters: ['Ana', 'R$ 25,00', 'Telhado'] };
    const second: Outgoing = { id: newId(), to: '+14155550123', template };
    const bare: Outgoing = { id: newId(), to: TO, template: { name: 'greeting', language: 'pt_BR' } };
    const told = [await here.send(text), await here.send(second), await here.send(bare)];
    const journal = here.meta.journal();
    expect(told).toEqual(journal.map(({ reference }) => ({ kind: 'sent', reference })));
    const common = { messaging_product: 'whatsapp', recipient_type: 'individual' };
    expect(journal.map(({ body }) => body)).toEqual([
      { ...common, to: '5511987654321', type: 'text', text: { body: text.text, preview_url: false }, biz_opaque_callback_data: text.id },
      {
        ...{ ...common, to: '14155550123', type: 'template', biz_opaque_callback_data: second.id },
        template: {
          ...{ name: 'donation_receipt', language: { code: 'pt_BR' } },
          components: [{ type: 'body', parameters: template.parameters.map((each) => ({ type: 'text', text: each })) }],
        },
      },
      {
        ...common,
        to: '5511987654321',
        type: 'template',
        template: { name: 'greeting', language: { code: 'pt_BR' } },
        biz_opaque_callback_data: bare.id,
      },
    ]);
  });

  it('is taken late, and uses the connection of the one before', async () => {
    here.meta.behave({ slowMs: 50 });
    for (let n = 0; n < 5; n += 1) expect(await here.send()).toMatchObject({ kind: 'sent' });
    expect(here.meta.counts).toMatchObject({ messages: 5, connections: 1 });
  });

  it('does not wait for 255 others', async () => {
    here.meta.behave('silent', { text: 'slow' });
    const leaving = new AbortController();
    const slow = Array.from({ length: 255 }, () => here.send(aMessage({ text: 'slow' }), leaving.signal));
    await here.meta.heard(255);
    expect(await here.send()).toMatchObject({ kind: 'sent' });
    leaving.abort();
    expect(new Set((await Promise.all(slow)).map(({ kind }) => kind))).toEqual(new Set(['unknown']));
  });
});

it('what becomes of it is told to the webhook, signed, and as often as Meta likes', async () => {
  const heard: string[] = [];
  const webhook = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const bytes = Buffer.concat(parts);
      const ours = isSigned(CLOUD.WHATSAPP_APP_SECRET, bytes, request.headers['x-hub-signature-256']);
      const { statuses, inbound } = readWebhook(ours ? JSON.parse(bytes.toString()) : undefined);
      heard.push(...statuses.map(({ status, messageId }) => `${status} ${messageId}`), ...inbound.map(({ text }) => text));
      response.writeHead(ours ? 200 : 401).end();
    });
  });
  await once(webhook.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
  // Of a message whose answer never came, Meta still knows our name.
  here.meta.behave('cut');
  const message = aMessage();
  expect(await here.send(message)).toMatchObject({ kind: 'unknown' });
  const [entry] = here.meta.journal();
  const notice = aNotice({ statuses: [aStatus(entry!, 'delivered')], messages: [anInbound(TO, 'SAIR')] });
  expect(await here.meta.notify(url, notice, { times: 2 })).toEqual([200, 200]);
  expect(await here.meta.notify(url, notice, { proof: 'wrong' })).toEqual([401]);
  expect(await here.meta.notify(url, notice, { proof: 'none' })).toEqual([401]);
  const told = [`delivered ${message.id}`, 'SAIR'];
  expect(heard).toEqual([...told, ...told]);
  webhook.closeAllConnections();
  await once(webhook.close(), 'close');
});

it('whatever is answered, only a 2xx with a reference is sent, and nothing else of 2xx may be tried again', () => {
  const error = fc.record({
    error: fc.record({ code: fc.oneof(fc.constantFrom(...knownCodes), fc.integer()), error_data: fc.anything() }),
  });
  const sent = fc.record({ messages: fc.array(fc.record({ id: fc.oneof(fc.string(), fc.constant('wamid.1')) })) });
  const text = fc.option(
    fc.oneof(
      fc.string(),
      fc.json(),
      error.map((body) => JSON.stringify(body)),
      sent.map((body) => JSON.stringify(body)),
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 599 }),
      text,
      fc.dictionary(fc.constant('retry-after'), fc.string()),
      (status, said, headers) => {
        const outcome = outcomeOf({ answered: true, status, headers, text: said }, (each) => each);
        if (status < 300) expect(['sent', 'unknown']).toContain(outcome.kind);
        else expect(outcome.kind).not.toBe('sent');
        if (outcome.kind === 'wait') expect(outcome.waitMs).toBeGreaterThanOrEqual(1_000);
        if (outcome.kind === 'sent') expect(outcome.reference).toMatch(/^[!-~]{1,256}$/);
      },
    ),
    { numRuns: 1_000 },
  );
});

describe('templates', () => {
  it('are read page by page', async () => {
    const found = await here.client.templates(aSignal());
    expect(here.meta.counts.lists).toBe(3);
    expect(found.map(({ name }) => name)).toEqual(METAS_TEMPLATES.map(({ name }) => name));
    const [news, , bare, twice, paused] = found;
    const body = 'Olá, {{1}}! Novidade da campanha {{2}}: {{3}}';
    expect(news).toEqual({ name: 'campaign_news', language: 'pt_BR', status: 'APPROVED', category: 'MARKETING', body, parameters: 3 });
    expect([bare?.parameters, twice?.parameters, paused?.status]).toEqual([0, 1, 'PAUSED']);
  });

  it('end after many pages, and leave out what is no template', async () => {
    const odd = Array.from({ length: 50 }, (_, n) => ({
      ...METAS_TEMPLATES[0]!,
      name: `t${n}`,
      ...(n === 1 && { name: undefined as never }),
    }));
    await here.restart({ templates: odd, pageSize: 1 });
    expect(await here.client.templates(aSignal())).toHaveLength(19);
    expect(here.meta.counts.lists).toBe(20);
  });

  it('are refused where Meta does not tell them', async () => {
    await here.connect({}, here.meta.url, 'another-token');
    await expect(here.client.templates(aSignal())).rejects.toMatchObject({ code: 'dependency_down' });
    await here.meta.leave();
    await expect(here.client.templates(aSignal())).rejects.toMatchObject({ code: 'dependency_down' });
  });
});

describe('the provider of a configuration', () => {
  it('is the sandbox without an address, which sends nothing and says so', async () => {
    const sandbox = await chooseProvider({} as Parameters<typeof chooseProvider>[0]);
    expect(sandbox.name).toBe('sandbox');
    expect(await sandbox.send(aMessage({ id: 'x' }), aSignal())).toEqual({ kind: 'sent', reference: 'sandbox.x', delivered: true });
    expect((await sandbox.templates(aSignal())).map(({ parameters }) => parameters)).toEqual([3, 3, 0]);
    await sandbox.close();
  });

  it('is Meta with one, whose templates are nobody’s without an account', async () => {
    const cloud = await chooseProvider({ ...here.meta.env, WHATSAPP_BUSINESS_ACCOUNT_ID: undefined });
    expect(await cloud.send(aMessage(), aSignal())).toMatchObject({ kind: 'sent' });
    expect(await cloud.templates(aSignal())).toEqual([]);
    expect([cloud.name, here.meta.counts.lists]).toEqual(['cloud', 0]);
    await cloud.close();
  });
});
