import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import { codesOf, openPeople, type People, type Session } from '../support/people.js';

let people: People;
let [ana, admin]: Session[] = [];
beforeAll(async () => {
  people = await openPeople({ APP_ROLE: 'all', RATE_LIMIT_USER_PER_MINUTE: '0' });
  [ana, admin] = await Promise.all([people.person({ role: 'organizer' }), people.person({ role: 'admin' })]);
});
afterAll(() => people.close());

const body = { title: 'Um telhado novo', summary: 'A chuva entra.', description: '<p>Sessenta crianças.</p>', goalCents: 5_000_000 };
const ask = (as: Session | undefined, method: string, path: string, json?: unknown) =>
  people.send(method, `/campaigns${path}`, json, as?.accessToken);
async function made(as = ana, more: object = {}, published = false): Promise<{ id: string }> {
  const { status, json } = await ask(as, 'POST', '', { ...body, ...more });
  expect(status).toBe(201);
  if (published) expect((await ask(as, 'POST', `/${String(json.id)}/publish`)).status).toBe(200);
  return json as { id: string };
}
const idsOf = (json: Record<string, unknown>) => (json.items as { id: string }[]).map(({ id }) => id);
const soon = () => new Date(Date.now() + 3_600_000).toISOString();
const overdue = (id: string) => people.rows(`UPDATE campaigns SET ends_at = now() - interval '1 second' WHERE id = $1`, [id]);

describe('Refused', () => {
  it('is to publish what would be over before it began, until its end is moved', async () => {
    const { id } = await made(ana, { endsAt: soon() });
    await overdue(id);
    const late = await ask(ana, 'POST', `/${id}/publish`);
    expect([...codesOf(late), late.json.detail]).toEqual([409, 'campaign_state', 'Its `endsAt` has passed: move it first.']);
    expect((await ask(ana, 'GET', `/${id}`)).json).toMatchObject({ status: 'draft', version: 1 });
    for (const endsAt of [soon(), null]) {
      expect((await ask(ana, 'PATCH', `/${id}`, { endsAt })).status).toBe(200);
      expect((await ask(ana, 'POST', `/${id}/publish`)).json.status).toBe('active');
      expect((await ask(ana, 'POST', `/${id}/pause`)).json.status).toBe('paused');
    }
  });

  it('is to resume what ended while it was paused', async () => {
    const { id } = await made(ana, { endsAt: soon() }, true);
    expect((await ask(ana, 'POST', `/${id}/pause`)).json.status).toBe('paused');
    await overdue(id);
    const late = await ask(ana, 'POST', `/${id}/publish`);
    expect([...codesOf(late), late.json.detail]).toEqual([409, 'campaign_state', 'From ended there is no way to active.']);
  });
});

describe('A campaign', () => {
  it('that is not held stays as it is when it is released, in whatever state', async () => {
    const { id } = await made();
    for (const [move, status] of [
      ['publish', 'active'],
      ['pause', 'paused'],
      ['close', 'ended'],
    ] as const) {
      const before = (await ask(ana, 'GET', `/${id}`)).json;
      const { status: code, json } = await ask(admin, 'POST', `/${id}/release`);
      expect([code, json]).toEqual([200, before]);
      expect((await ask(ana, 'POST', `/${id}/${move}`)).json.status).toBe(status);
    }
    expect((await ask(admin, 'POST', `/${id}/release`)).json.status).toBe('ended');
    expect(codesOf(await ask(admin, 'POST', `/${id}/hold`))).toEqual([409, 'campaign_state']);
  });

  it('of somebody who goes takes no gifts any more, and never again', async () => {
    const leaving = await people.person({ role: 'organizer' });
    const [open, held] = [await made(leaving, {}, true), await made(leaving, {}, true)];
    expect((await ask(admin, 'POST', `/${held.id}/hold`)).json.status).toBe('held');
    expect((await people.send('DELETE', '/users/me', undefined, leaving.accessToken)).status).toBe(204);
    expect((await ask(admin, 'POST', `/${held.id}/release`)).json.status).toBe('paused');
    for (const { id } of [open, held]) expect(codesOf(await ask(admin, 'POST', `/${id}/publish`))).toEqual([409, 'campaign_state']);
    expect((await ask(undefined, 'GET', `/${open.id}`)).json.status).toBe('paused');
  });

  it('goes its ways, and no others', async () => {
    const { id } = await made();
    const go = async (move: string, as = ana) => {
      const { status, json } = await ask(as, 'POST', `/${id}/${move}`);
      return status === 200 ? json.status : json.code;
    };
    expect(await go('pause')).toBe('campaign_state');
    expect(await go('close')).toBe('campaign_state');
    expect([await go('publish'), await go('publish'), await go('pause'), await go('pause')]).toEqual([
      'active',
      'active',
      'paused',
      'paused',
    ]);
    expect([await go('publish'), await go('hold', admin), await go('hold', admin)]).toEqual(['active', 'held', 'held']);
    expect(await go('publish')).toBe('campaign_state');
    expect((await ask(undefined, 'GET', `/${id}`)).status).toBe(404);
    expect((await ask(ana, 'GET', `/${id}`)).json.status).toBe('held');
    expect([await go('release', admin), await go('release', admin), await go('close'), await go('close')]).toEqual([
      'active',
      'active',
      'ended',
      'ended',
    ]);
    for (const move of ['publish', 'pause']) expect(await go(move)).toBe('campaign_state');
    expect(codesOf(await ask(ana, 'PATCH', `/${id}`, { title: 'x' }))).toEqual([409, 'campaign_state']);
    expect((await ask(undefined, 'GET', `/${id}`)).json.status).toBe('ended');
  });

  it('is one of the moves that come at once', async () => {
    const { id } = await made(ana, {}, true);
    const answers = await Promise.all(['pause', 'close', 'pause', 'close', 'publish'].map((move) => ask(ana, 'POST', `/${id}/${move}`)));
    for (const { status } of answers) expect([200, 409]).toContain(status);
    const { json } = await ask(ana, 'GET', `/${id}`);
    expect(['ended', 'active']).toContain(json.status);
  });

  it('ends at its moment by itself, for all who look', async () => {
    const { id } = await made(ana, { endsAt: new Date(Date.now() + 1_500).toISOString() }, true);
    expect((await ask(undefined, 'GET', `/${id}`)).json.status).toBe('active');
    expect(idsOf((await ask(undefined, 'GET', '?status=active&limit=100')).json)).toContain(id);
    await eventually(
      async () => (await ask(undefined, 'GET', `/${id}`)).json.status,
      (status) => status === 'ended',
      10_000,
    );
    await eventually(
      async () => idsOf((await ask(undefined, 'GET', '?status=active&limit=100')).json),
      (ids) => !ids.includes(id),
      10_000,
    );
    expect(codesOf(await ask(ana, 'POST', `/${id}/publish`))).toEqual([409, 'campaign_state']);
  });
});
