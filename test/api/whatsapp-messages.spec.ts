import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { eventually } from '../support/lab.js';
import { codesOf } from '../support/people.js';
import { newPhone, openWhatsApp, type WhatsApp } from '../support/whatsapp.js';

let w: WhatsApp;
beforeAll(async () => {
  w = await openWhatsApp();
});
afterAll(() => w.close());

const greeting = { name: 'greeting', language: 'pt_BR' };

describe('Refused', () => {
  const id = newId();
  it.each<[string, string, object?]>([
    ['POST', '/messages', { to: '+5511987654321', text: 'Olá' }],
    ['GET', '/messages'],
    ['GET', `/messages/${id}`],
    ['POST', `/messages/${id}/resolve`, { outcome: 'sent' }],
    ['GET', '/templates'],
    ['POST', '/templates/sync'],
    ['GET', '/inbound'],
    ['GET', '/opt-outs'],
  ])('is %s %s to strangers and donors', async (method, path, body) => {
    expect(codesOf(await w.ask(undefined, method, path, body))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await w.ask(w.donor, method, path, body))).toEqual([403, 'forbidden']);
  });

  it.each<[string, string, object?]>([
    ['POST', `/messages/${id}/resolve`, { outcome: 'sent' }],
    ['GET', '/inbound'],
    ['GET', '/opt-outs'],
    ['POST', '/templates/sync'],
  ])('is %s %s to organizers', async (method, path, body) =>
    expect(codesOf(await w.ask(w.ana, method, path, body))).toEqual([403, 'forbidden']),
  );

  it('is what is not there, or somebody else’s', async () => {
    const { json } = await w.send({ to: newPhone(), text: 'Olá' });
    expect(codesOf(await w.ask(w.eva, 'GET', `/messages/${String(json.id)}`))).toEqual([404, 'not_found']);
    expect(codesOf(await w.ask(w.admin, 'GET', `/messages/${id}`))).toEqual([404, 'not_found']);
    expect(codesOf(await w.ask(w.admin, 'GET', '/messages/none'))).toEqual([404, 'not_found']);
    expect(codesOf(await w.send({ to: newPhone(), text: 'Olá', campaignId: id }))).toEqual([404, 'not_found']);
  });

  it('is to settle what is known', async () => {
    const { json } = await w.send({ to: newPhone(), text: 'Olá' });
    expect(codesOf(await w.ask(w.admin, 'POST', `/messages/${String(json.id)}/resolve`, { outcome: 'resend' }))).toEqual([409, 'conflict']);
  });

  it.each<[string, object]>([
    ['to', { to: '11987654321' }],
    ['to', { to: '+55119876543' }],
    ['to', { to: '+5511987654321,+5511987654322' }],
    ['text', {}],
    ['text', { text: ' ' }],
    ['text', { text: 'x'.repeat(4_097) }],
    ['text', { text: 'Olá', template: greeting }],
    ['template.name', { template: { ...greeting, name: 'Greeting!' } }],
    ['template.language', { template: { ...greeting, language: 'português' } }],
    ['template.parameters.0', { template: { ...greeting, parameters: ['a\nb'] } }],
    ['template.parameters.0', { template: { ...greeting, parameters: ['a\u2028b'] } }],
    ['text', { text: '\u200b\u200b' }],
    ['dedupeKey', { text: 'Olá', dedupeKey: 'com espaço' }],
    ['dedupeKey', { text: 'Olá', dedupeKey: 'x'.repeat(256) }],
    ['sendAt', { text: 'Olá', sendAt: 'amanhã' }],
    ['sendAt', { text: 'Olá', sendAt: '2999-01-01T00:00:00Z' }],
  ])('is what is wrong with %s: %j', async (path, body) => {
    const { status, json } = await w.send({ to: '+5511987654321', ...body });
    expect([status, json.code]).toEqual([422, 'validation_failed']);
    expect((json.errors as { path: string }[]).map((one) => one.path)).toContain(path);
  });

  it('is what it does not know', async () =>
    expect(codesOf(await w.send({ to: newPhone(), text: 'Olá', from: '+5511987654321' }))).toEqual([422, 'validation_failed']));
});

describe('A message', () => {
  it('is accepted with its place, and reaches the provider once, with our id', async () => {
    const to = newPhone();
    const { status, json } = await w.send({ to, template: { ...greeting } });
    expect(status).toBe(202);
    expect(json).toEqual({
      id: expect.any(String) as string,
      status: 'queued',
      position: expect.any(Number) as number,
      etaSeconds: expect.any(Number) as number,
    });
    expect(await w.becomes(json.id, 'sent')).toMatchObject({ to, error: null, position: null, etaSeconds: null, senderId: w.ana.user.id });
    const sent = w.api.journal().filter(({ id }) => id === json.id);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ to: to.slice(1), body: { template: { name: 'greeting', language: { code: 'pt_BR' } } } });
  });

  it('with a known key of the same sender is the first one, many at once, and of another sender another', async () => {
    const body = { to: newPhone(), text: 'Olá', dedupeKey: 'the-same' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => w.send(body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(19).fill(200), 202]);
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
    expect((await w.send({ to: newPhone(), text: 'Adeus', dedupeKey: 'the-same' })).json.id).toBe(answers[0]!.json.id);
    expect((await w.send(body, w.eva)).status).toBe(202);
  });

  it('goes to one telephone however it is written, and there six seconds apart at least', async () => {
    const to = newPhone();
    const first = await w.send({ to, text: 'um' });
    const second = await w.send({ to: `${to.slice(0, 5)} (${to.slice(6)})`.replaceAll('(', '').replace(')', ''), text: 'dois' });
    expect([first.status, second.status]).toEqual([202, 202]);
    await Promise.all([w.becomes(first.json.id, 'sent'), w.becomes(second.json.id, 'sent')]);
    const at = w.api
      .journal()
      .filter((entry) => entry.to === to.slice(1))
      .map((entry) => entry.at);
    expect(at).toHaveLength(2);
    expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(6_000);
  });

  it('for later waits for its time, and is there when it comes', async () => {
    const sendAt = new Date(Date.now() + 2_000);
    const { json } = await w.send({ to: newPhone(), text: 'Depois', sendAt: sendAt.toISOString() });
    expect(json).toMatchObject({ status: 'queued', etaSeconds: 2 });
    await w.becomes(json.id, 'sent');
    const [entry] = w.api.journal().filter(({ id }) => id === json.id);
    expect(entry!.at).toBeGreaterThanOrEqual(sendAt.getTime() - 1);
  });

  it('is listed for its sender, and for admins with all others', async () => {
    const [mine, theirs] = [await w.send({ to: newPhone(), text: 'meu' }), await w.send({ to: newPhone(), text: 'dela' }, w.eva)];
    const ids = async (as: typeof w.ana, query = '') =>
      ((await w.ask(as, 'GET', `/messages?limit=100${query}`)).json.items as { id: string }[]).map(({ id }) => id);
    expect(await ids(w.ana)).toContain(mine.json.id);
    expect(await ids(w.ana)).not.toContain(theirs.json.id);
    expect(await ids(w.admin)).toEqual(expect.arrayContaining([mine.json.id, theirs.json.id]));
    await w.becomes(mine.json.id, 'sent');
    expect(await ids(w.ana, '&status=queued')).not.toContain(mine.json.id);
    expect(codesOf(await w.ask(w.ana, 'GET', '/messages?status=lost'))).toEqual([422, 'validation_failed']);
    const { json } = await w.ask(w.ana, 'GET', '/messages?limit=1');
    expect(codesOf(await w.ask(w.eva, 'GET', `/messages?limit=1&cursor=${String(json.nextCursor)}`))).toEqual([422, 'cursor_not_valid']);
  });

  it.each([['/messages'], ['/broadcasts'], ['/inbound'], ['/opt-outs']])(
    'stands in a list (%s) whose pages admins can count',
    async (list) => {
      await w.rows(`INSERT INTO whatsapp_inbound (id, reference, phone, kind, text, at, received_at)
      SELECT gen_random_uuid(), 'wamid.' || gen_random_uuid(), '+5511987654321', 'text', 'Olá', now(), now() FROM generate_series(1, 3)`);
      await w.rows(
        `UPDATE whatsapp_recipients SET opted_out = true, choice_at = date_trunc('second', now()) WHERE phone IN (SELECT phone FROM whatsapp_recipients LIMIT 3)`,
      );
      const read = async (query: string) =>
        (await w.ask(w.admin, 'GET', `${list}?limit=1${query}`)).json as { items: unknown[]; nextCursor: string | null; total: number };
      const [first, second] = [await read(''), await read('&page=2')];
      expect(first).toMatchObject({ page: 1, limit: 1, total: expect.any(Number) as number });
      expect(second).toMatchObject({ page: 2, limit: 1, total: first.total });
      if (first.nextCursor !== null) expect((await read(`&cursor=${first.nextCursor}`)).items).toEqual(second.items);
      expect(first.nextCursor !== null).toBe(first.total > 1);
      expect(codesOf(await w.ask(w.admin, 'GET', `${list}?page=2&cursor=x`))).toEqual([422, 'validation_failed']);
    },
  );
});

describe('What the provider says', () => {
  afterEach(() => w.api.behave('well'));

  const sendTo = async (how: Parameters<WhatsApp['api']['behave']>[0], times = 1) => {
    // After several in a row of which nobody knows, the line would wait.
    await w.becomes((await w.send({ to: newPhone(), text: 'Olá' })).json.id, 'sent');
    const to = newPhone();
    w.api.behave(how, { to, times });
    const { json } = await w.send({ to, text: 'Olá' });
    return { id: String(json.id), calls: () => w.api.journal().filter(({ id }) => id === json.id).length };
  };

  it.each([['html'], ['cut'], ['broken'], ['flood'], [{ error: 1, status: 500 }], [{ error: 131000, status: 500 }]] as const)(
    'where nobody knows (%j) leaves it unknown, and never sends it again by itself',
    async (how) => {
      const { id, calls } = await sendTo(how);
      expect((await w.becomes(id, 'unknown')).error).toMatchObject({ reason: expect.any(String) as string });
      expect(calls()).toBe(1);
      expect(await w.ask(w.admin, 'POST', `/messages/${id}/resolve`, { outcome: 'sent' })).toMatchObject({
        status: 200,
        json: { status: 'sent' },
      });
      expect(codesOf(await w.ask(w.admin, 'POST', `/messages/${id}/resolve`, { outcome: 'sent' }))).toEqual([409, 'conflict']);
      expect(calls()).toBe(1);
    },
  );

  it('that is unknown is sent once more where an admin wants it', async () => {
    const { id, calls } = await sendTo('cut');
    await w.becomes(id, 'unknown');
    expect((await w.ask(w.admin, 'POST', `/messages/${id}/resolve`, { outcome: 'resend' })).status).toBe(200);
    await w.becomes(id, 'sent');
    expect(calls()).toBe(2);
    expect(await w.rows(`SELECT facts FROM audit_log WHERE action = 'message_settled' AND facts->>'messageId' = $1`, [id])).toHaveLength(1);
  });

  it('that stays silent for long is tried with one at a time, until it says something', async () => {
    const goOn = () => w.rows(`UPDATE whatsapp_pace SET next_at = now()`);
    const sendSome = async (n: number) =>
      (await Promise.all(Array.from({ length: n }, () => w.send({ to: newPhone(), text: 'Olá' })))).map(({ json }) => json.id as string);
    await goOn();
    await w.becomes((await sendSome(1))[0], 'sent');
    w.api.behave('broken');
    const ids = await sendSome(5);
    const reach = (state: string, wanted: number) =>
      eventually(
        async () =>
          (
            await w.rows<{ n: number }>('SELECT count(*)::int AS n FROM whatsapp_messages WHERE id = ANY($1) AND state = $2', [ids, state])
          )[0]!.n,
        (n) => n === wanted,
      );
    await reach('unknown', 5);
    ids.push(...(await sendSome(5)));
    for (const unknown of [6, 7]) {
      await goOn();
      await reach('unknown', unknown);
      await reach('queued', 10 - unknown);
    }
    w.api.behave('well');
    await goOn();
    await reach('sent', 3);
  });

  it('to say to wait is told to whoever looks for what is stuck', async () => {
    const { id } = await sendTo({ error: 131056, retryAfter: '3' });
    const stuck = async () =>
      ((await w.ask(w.admin, 'GET', '/messages?status=stuck')).json.items as { id: string; error: object }[]).find((one) => one.id === id);
    expect(await eventually(stuck, (one) => one !== undefined)).toMatchObject({
      error: { code: 131056, advice: expect.any(String) as string },
    });
    await w.becomes(id, 'sent');
    expect(await stuck()).toBeUndefined();
  });

  it('that it will not take fails it, with what to do', async () => {
    const { id, calls } = await sendTo({ error: 131026 });
    const { error } = await w.becomes(id, 'failed');
    expect(error).toMatchObject({ code: 131026, reason: expect.any(String) as string, advice: expect.any(String) as string });
    expect(calls()).toBe(1);
  });

  it('about too much at once makes it wait, and it arrives', async () => {
    const { id, calls } = await sendTo({ error: 131056, retryAfter: '1' });
    await w.becomes(id, 'sent');
    expect(calls()).toBe(2);
  });

  it('that an operator has to mend stops the line, and loses nothing', async () => {
    const { id, calls } = await sendTo({ error: 190 });
    const paused = () => w.rows<{ why: string }>(`SELECT why FROM queue_states WHERE queue = 'whatsapp' AND paused`);
    await expect.poll(paused, { timeout: 20_000 }).toMatchObject([{ why: expect.stringContaining('WHATSAPP_ACCESS_TOKEN') as string }]);
    const other = await w.send({ to: newPhone(), text: 'Olá' });
    expect(other.json).toMatchObject({ status: 'queued', etaSeconds: null });
    expect(await w.read(id)).toMatchObject({ status: 'queued', error: { code: 190 } });
    await w.rows(`UPDATE queue_states SET paused = false WHERE queue = 'whatsapp'`);
    await Promise.all([w.becomes(id, 'sent'), w.becomes(other.json.id, 'sent')]);
    expect(calls()).toBe(2);
  });
});
