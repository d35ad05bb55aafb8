import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METAS_TEMPLATES } from '../support/cloud-api.answers.js';
import { codesOf } from '../support/people.js';
import { newPhone, openWhatsApp, type WhatsApp } from '../support/whatsapp.js';

let w: WhatsApp;
beforeAll(async () => {
  w = await openWhatsApp({ env: { WHATSAPP_ENFORCE_WINDOW: 'true' } });
});
afterAll(() => w.close());

const names = async () => ((await w.ask(w.ana, 'GET', '/templates')).json.items as { name: string }[]).map(({ name }) => name).sort();
const faultsOf = (json: Record<string, unknown>) => (json.errors as { path: string; message: string }[] | undefined) ?? [];

describe('Templates', () => {
  it('are those that Meta lists, read once by the first who asks', async () => {
    expect(await names()).toEqual(METAS_TEMPLATES.map(({ name }) => name).sort());
    const { lists } = w.api.counts;
    await names();
    expect(w.api.counts.lists).toBe(lists);
  });

  it.each([
    ['template.name', { name: 'unheard_of', language: 'pt_BR' }, 'is not known in pt_BR'],
    ['template.name', { name: 'campaign_news', language: 'en_US' }, 'is not known in en_US'],
    ['template.name', { name: 'paused_news', language: 'pt_BR', parameters: ['x'] }, 'is paused and cannot be sent'],
    ['template.parameters', { name: 'donation_receipt', language: 'pt_BR', parameters: ['x'] }, 'must be 3, as the template has'],
  ])('that Meta would refuse stand in no line (%s: %j)', async (path, template, message) => {
    const refused = await w.send({ to: newPhone(), template });
    expect(codesOf(refused)).toEqual([422, 'validation_failed']);
    expect(faultsOf(refused.json)).toEqual([{ path, message }]);
  });

  it('are written where they fit', async () => {
    const { status, json } = await w.send({ to: newPhone(), template: { name: 'greeting', language: 'en_US', parameters: ['Ana'] } });
    expect(status).toBe(202);
    await w.becomes(json.id, 'sent', 'delivered');
  });

  it('hold as they were known where Meta cannot be asked', async () => {
    await w.api.leave();
    expect(codesOf(await w.ask(w.admin, 'POST', '/templates/sync'))).toEqual([503, 'dependency_down']);
    await w.rows(`UPDATE whatsapp_templates SET synced_at = now() - interval '2 hours'`);
    expect(await names()).toEqual(METAS_TEMPLATES.map(({ name }) => name).sort());
    expect(codesOf(await w.send({ to: newPhone(), template: { name: 'unheard_of', language: 'pt_BR' } }))).toEqual([
      422,
      'validation_failed',
    ]);
  });
});
