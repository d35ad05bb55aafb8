import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { aNotice, anInbound, aStatus, CLOUD, signatureOf } from '../support/cloud-api.answers.js';
import { codesOf } from '../support/people.js';
import { newPhone, openWhatsApp, type WhatsApp } from '../support/whatsapp.js';

let w: WhatsApp;
beforeAll(async () => {
  w = await openWhatsApp();
});
afterAll(() => w.close());

const notify = (value: Parameters<typeof aNotice>[0], more?: Parameters<WhatsApp['api']['notify']>[2]) =>
  w.api.notify(w.webhook, aNotice(value), more);
const sentTo = async (to = newPhone()) => {
  const { json } = await w.send({ to, text: 'Olá' });
  await w.becomes(json.id, 'sent');
  const entry = w.api.journal().find(({ id }) => id === json.id)!;
  return { id: String(json.id), to, entry };
};

describe('The webhook', () => {
  it.each<[string, Record<string, string>]>([
    ['a wrong token', { 'hub.mode': 'subscribe', 'hub.verify_token': 'guessed', 'hub.challenge': '42' }],
    ['another mode', { 'hub.mode': 'unsubscribe', 'hub.verify_token': CLOUD.WHATSAPP_VERIFY_TOKEN, 'hub.challenge': '42' }],
    ['nothing', {}],
  ])('refuses the challenge with %s', async (_what, query) =>
    expect(codesOf(await w.people.ask(`/api/v1/queues/whatsapp/webhook?${new URLSearchParams(query).toString()}`))).toEqual([
      403,
      'forbidden',
    ]),
  );

  it('answers Meta’s challenge as text', async () => {
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.verify_token': CLOUD.WHATSAPP_VERIFY_TOKEN,
      'hub.challenge': '1158201444',
    });
    const { status, text, headers } = await w.people.ask(`/api/v1/queues/whatsapp/webhook?${query.toString()}`);
    expect([status, text]).toEqual([200, '1158201444']);
    expect(headers.get('content-type')).toContain('text/plain');
  });

  it('never gives back markup', async () => {
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.verify_token': CLOUD.WHATSAPP_VERIFY_TOKEN,
      'hub.challenge': '<script>',
    });
    expect((await w.people.ask(`/api/v1/queues/whatsapp/webhook?${query.toString()}`)).status).toBe(422);
  });

  it('refuses what is not signed by our app, and reads nothing of it', async () => {
    const phone = newPhone();
    const value = { messages: [anInbound(phone, 'SAIR')] };
    expect(await notify(value, { proof: 'wrong' })).toEqual([401]);
    expect(await notify(value, { proof: 'none' })).toEqual([401]);
    const text = JSON.stringify(aNotice(value));
    const other = { 'x-hub-signature-256': signatureOf(`${text} `), 'content-type': 'application/json' };
    expect((await fetch(w.webhook, { method: 'POST', headers: other, body: text })).status).toBe(401);
    const sha1 = `sha1=${createHmac('sha1', CLOUD.WHATSAPP_APP_SECRET).update(text).digest('hex')}`;
    const old = { 'x-hub-signature': sha1, 'x-hub-signature-256': sha1, 'content-type': 'application/json' };
    expect((await fetch(w.webhook, { method: 'POST', headers: old, body: text })).status).toBe(401);
    expect(await w.rows('SELECT FROM whatsapp_recipients WHERE phone = $1', [phone])).toEqual([]);
  });

  it('takes what it does not understand without a fault', async () => {
    for (const body of [
      '{}',
      '[]',
      '1',
      '{"object":"whatsapp_business_account","entry":[{"changes":[{"value":{"statuses":[{"id":1}]}}]}]}',
    ])
      expect(await w.api.notify(w.webhook, body)).toEqual([200]);
    expect(await w.api.notify(w.webhook, '{"entry":')).toEqual([400]);
    expect(await w.api.notify(w.webhook, '['.repeat(80_000))).toEqual([400]);
  });
});

describe('Statuses', () => {
  const told = async (id: string) => ((await w.read(id)).told as { status: string }[]).map(({ status }) => status).sort();

  it('count once each, in whatever order and however often they come, and never go back', async () => {
    const { id, entry } = await sentTo();
    await notify({ statuses: [aStatus(entry, 'read')] }, { times: 5 });
    expect((await w.read(id)).status).toBe('read');
    await Promise.all([
      notify({ statuses: [aStatus(entry, 'sent'), aStatus(entry, 'delivered')] }),
      notify({ statuses: [aStatus(entry, 'sent')] }),
    ]);
    expect((await w.read(id)).status).toBe('read');
    expect(await told(id)).toEqual(['delivered', 'read', 'sent']);
  });

  it('that fail tell why and what to do; one that was delivered all the same is', async () => {
    const { id, entry } = await sentTo();
    await notify({ statuses: [aStatus(entry, 'failed', { code: 131026 })] });
    expect(await w.read(id)).toMatchObject({ status: 'failed', error: { code: 131026, advice: expect.any(String) as string } });
    await notify({ statuses: [aStatus(entry, 'delivered')] });
    expect(await w.read(id)).toMatchObject({ status: 'delivered', error: null });
  });

  it('settle what nobody knew, and what an admin was about to send again', async () => {
    const to = newPhone();
    w.api.behave('cut', { to, times: 2 });
    const { json } = await w.send({ to, text: 'Olá' });
    await w.becomes(json.id, 'unknown');
    const entry = w.api.journal().find(({ id }) => id === json.id)!;
    await notify({ statuses: [aStatus(entry, 'delivered')] });
    expect((await w.read(json.id)).status).toBe('delivered');
  });

  it('fail nothing that was never begun', async () => {
    const { json } = await w.send({ to: newPhone(), text: 'Depois', sendAt: new Date(Date.now() + 60_000).toISOString() });
    await notify({ statuses: [aStatus({ reference: 'wamid.early', id: String(json.id), to: '5511980000000' }, 'failed')] });
    expect((await w.read(json.id)).status).toBe('queued');
  });

  it('of messages that are not ours leave no trace', async () => {
    const stranger = { reference: 'wamid.other', id: newId(), to: newPhone() };
    expect(await notify({ statuses: [aStatus(stranger, 'delivered')] })).toEqual([200]);
    expect(await w.rows('SELECT FROM whatsapp_statuses WHERE message_id = $1', [stranger.id])).toEqual([]);
  });

  it('are only added: the database refuses to change one', async () => {
    const { id, entry } = await sentTo();
    await notify({ statuses: [aStatus(entry, 'delivered')] });
    await expect(w.rows(`UPDATE whatsapp_statuses SET status = 'read' WHERE message_id = $1`, [id])).rejects.toThrow('only added to');
  });
});

describe('Who opts out', () => {
  it.each([['SAIR'], ['stop'], [' Parar! ']])('by %j gets nothing more, also of what waits, until he writes VOLTAR', async (word) => {
    const phone = newPhone();
    const sendAt = new Date(Date.now() + 60_000).toISOString();
    const waiting = await w.send({ to: phone, text: 'Amanhã', sendAt });
    await notify({ messages: [anInbound(phone, word, { at: new Date(Date.now() - 5_000) })] });
    expect(await w.read(waiting.json.id)).toMatchObject({ status: 'suppressed', error: { reason: 'opted_out' } });
    const more = await w.send({ to: phone, text: 'Mais' });
    expect([more.status, more.json.status]).toEqual([202, 'suppressed']);
    const out = await w.ask(w.admin, 'GET', '/opt-outs?limit=100');
    expect((out.json.items as { phone: string }[]).map((one) => one.phone)).toContain(phone);
    await notify({ messages: [anInbound(phone, 'voltar')] });
    expect((await w.send({ to: phone, text: 'De novo' })).json.status).toBe('queued');
    expect(w.api.journal().filter(({ id }) => id === waiting.json.id || id === more.json.id)).toEqual([]);
  });

  it('by a button that says so to its sender, whatever stands on it, gets nothing more', async () => {
    const phone = newPhone();
    const { text: _, ...common } = anInbound(phone, '');
    await notify({ messages: [{ ...common, type: 'button', button: { text: 'Não, obrigado', payload: 'SAIR' } }] });
    expect((await w.send({ to: phone, text: 'Olá' })).json.status).toBe('suppressed');
  });

  it('by what he chose of a list gets nothing more', async () => {
    const phone = newPhone();
    const { text: _, ...common } = anInbound(phone, '');
    const interactive = { type: 'list_reply', list_reply: { id: 'SAIR', title: 'Não quero receber mais' } };
    await notify({ messages: [{ ...common, type: 'interactive', interactive }] });
    expect((await w.send({ to: phone, text: 'Olá' })).json.status).toBe('suppressed');
  });

  it('is heard whatever stands beside his word, be it an error that no number holds or three megabytes of others', async () => {
    const { entry } = await sentTo();
    const [phone, other] = [newPhone(), newPhone()];
    const odd = { ...aStatus(entry, 'failed'), errors: [{ code: 99_999_999_999 }] };
    expect(await notify({ statuses: [odd], messages: [anInbound(phone, 'SAIR')] })).toEqual([200]);
    const many = Array.from({ length: 700 }, () => ({ ...anInbound(other, 'x'.repeat(4_000)), from: 'nobody' }));
    expect(await notify({ messages: [...many, anInbound(other, 'SAIR')] })).toEqual([200]);
    for (const out of [phone, other]) expect((await w.send({ to: out, text: 'Olá' })).json.status).toBe('suppressed');
  });

  it('and is gone is on no list', async () => {
    await w.rows(`INSERT INTO whatsapp_recipients (phone, next_at, opted_out) VALUES ('gone:' || gen_random_uuid(), now(), true)`);
    const { status, json } = await w.ask(w.admin, 'GET', '/opt-outs?limit=1');
    expect(status).toBe(200);
    expect((json.items as { phone: string }[])[0]?.phone).toMatch(/^\+/);
  });

  it('last is right, in whatever order his words come', async () => {
    const phone = newPhone();
    const [first, last] = [new Date(Date.now() - 20_000), new Date(Date.now() - 10_000)];
    await notify({ messages: [anInbound(phone, 'SAIR', { at: last })] });
    await notify({ messages: [anInbound(phone, 'VOLTAR', { at: first })] });
    expect((await w.send({ to: phone, text: 'Olá' })).json.status).toBe('suppressed');
  });

  it('is believed where his clock, or ours, is wrong: of one second, that he wants none', async () => {
    const phone = newPhone();
    await notify({ messages: [anInbound(phone, 'VOLTAR', { at: new Date(Date.now() + 90_000_000) })] });
    await notify({ messages: [anInbound(phone, 'SAIR')] });
    expect((await w.send({ to: phone, text: 'Olá' })).json.status).toBe('suppressed');
  });

  it('is heard once, and what he wrote is readable by admins', async () => {
    const phone = newPhone();
    const message = anInbound(phone, 'Quero ajudar 💚');
    await notify({ messages: [message, message] }, { times: 3 });
    const { json } = await w.ask(w.admin, 'GET', '/inbound?limit=100');
    const his = (json.items as { from: string; text: string }[]).filter(({ from }) => from === phone);
    expect(his).toMatchObject([{ text: 'Quero ajudar 💚', kind: 'text' }]);
  });
});

describe('The window of a day', () => {
  let strict: WhatsApp;
  beforeAll(async () => {
    strict = await openWhatsApp({ env: { WHATSAPP_ENFORCE_WINDOW: 'true' } });
  });
  afterAll(() => strict.close());

  it('is closed for texts to who has not written, and opened by his word', async () => {
    const phone = newPhone();
    expect(codesOf(await strict.send({ to: phone, text: 'Olá' }))).toEqual([409, 'window_closed']);
    await strict.api.notify(strict.webhook, aNotice({ messages: [anInbound(phone, 'Oi')] }));
    const { status, json } = await strict.send({ to: phone, text: 'Olá' });
    expect(status).toBe(202);
    await strict.becomes(json.id, 'sent');
  });

  it('is that of our own number: to another one of the same app only that somebody wants no more is heard', async () => {
    const [phone, back, out] = [newPhone(), newPhone(), newPhone()];
    const say = (from: string, text: string, to?: string) =>
      strict.api.notify(strict.webhook, aNotice({ messages: [anInbound(from, text)] }, 'messages', to));
    const another = '109999999999999';
    await say(phone, 'Oi', another);
    expect(codesOf(await strict.send({ to: phone, text: 'Olá' }))).toEqual([409, 'window_closed']);
    await say(back, 'SAIR');
    await say(back, 'VOLTAR', another);
    await say(out, 'SAIR', another);
    for (const to of [back, out])
      expect((await strict.send({ to, template: { name: 'greeting', language: 'pt_BR' } })).json.status).toBe('suppressed');
    const { text } = await strict.ask(strict.admin, 'GET', '/inbound?limit=100');
    expect([phone, back, out].map((each) => text.split(each).length - 1)).toEqual([0, 1, 1]);
  });

  it('is looked at again when a message has its turn', async () => {
    const phone = newPhone();
    const { json } = await strict.send({ to: phone, text: 'Depois', sendAt: new Date(Date.now() + 500).toISOString() });
    expect(await strict.becomes(json.id, 'failed')).toMatchObject({
      error: { reason: 'window_closed', advice: expect.any(String) as string },
    });
    expect(strict.api.journal().filter(({ id }) => id === json.id)).toEqual([]);
  });

  it.each<[string, object]>([
    ['template.name', { name: 'unknown_one', language: 'pt_BR' }],
    ['template.name', { name: 'greeting', language: 'es' }],
    ['template.name', { name: 'paused_news', language: 'pt_BR', parameters: ['x'] }],
    ['template.parameters', { name: 'donation_receipt', language: 'pt_BR', parameters: ['Ana'] }],
  ])('lets no template pass that Meta would refuse: %s of %j', async (path, template) => {
    const { status, json } = await strict.send({ to: newPhone(), template });
    expect([status, (json.errors as { path: string }[]).map((one) => one.path)]).toEqual([422, [path]]);
  });

  it('lists templates as Meta does', async () => {
    const { json } = await strict.ask(strict.ana, 'GET', '/templates');
    expect(json.items).toHaveLength(5);
    expect(json.items).toContainEqual(expect.objectContaining({ name: 'donation_receipt', parameters: 3, status: 'APPROVED' }));
  });
});

describe('The sandbox', () => {
  it('keeps what it would have sent, and says that it arrived', async () => {
    const sandbox = await openWhatsApp({ cloud: false });
    try {
      const { json } = await sandbox.send({ to: newPhone(), text: 'Olá' });
      expect(await sandbox.becomes(json.id, 'delivered')).toMatchObject({ text: 'Olá' });
      expect((await fetch(sandbox.webhook, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).status).toBe(
        401,
      );
    } finally {
      await sandbox.close();
    }
  });
});
