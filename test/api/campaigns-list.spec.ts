import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import { openPeople, type People, type Session } from '../support/people.js';

let people: People;
let ana: Session;
const made: Record<string, string> = {};
beforeAll(async () => {
  people = await openPeople({ RATE_LIMIT_USER_PER_MINUTE: '0' });
  ana = await people.person({ role: 'organizer' });
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  await make('roof', 'Telhado novo para a creche', 'As crianças precisam de nós', 300_000, day(3));
  await make('school', 'Material escolar', 'Educação para crianças do bairro', 100_000, day(1));
  await make('dogs', 'Dogs without shelter', 'Building a shelter for abandoned dogs', 200_000, null);
  await make('heart', 'Coração de Maria', 'Cirurgia do coração', 200_000, day(2));
  await make('hidden', 'Telhado secreto', 'Ainda um rascunho', 900_000, null, false);
});
afterAll(() => people.close());

async function make(name: string, title: string, summary: string, goalCents: number, endsAt: string | null, published = true) {
  const { json } = await people.send('POST', '/campaigns', { title, summary, description: '<p>x</p>', goalCents, endsAt }, ana.accessToken);
  made[name] = String(json.id);
  if (published) await people.send('POST', `/campaigns/${made[name]}/publish`, undefined, ana.accessToken);
}
const list = (query: string, session?: Session) => people.send('GET', `/campaigns?${query}`, undefined, session?.accessToken);
const namesOf = (json: Record<string, unknown>) =>
  (json.items as { id: string }[]).map(({ id }) => Object.entries(made).find(([, one]) => one === id)?.[0]);
const names = async (query: string, session?: Session) => namesOf((await list(query, session)).json);

describe('The list of campaigns', () => {
  it('shows what is open, the newest first, with all of it told', async () => {
    const { json, headers } = await list('');
    expect(namesOf(json)).toEqual(['heart', 'dogs', 'school', 'roof']);
    expect([json.total, json.page, json.limit, json.nextCursor]).toEqual([4, 1, 20, null]);
    expect(headers.get('cache-control')).toBe('no-cache');
    await eventually(
      async () => (await list('nobody=asked')).headers.get('cache-status') ?? '',
      (told) => told.includes('hit'),
    );
    expect(Object.keys((json.items as object[])[0]!)).not.toContain('description');
  });

  it.each([
    ['sort=createdAt', ['roof', 'school', 'dogs', 'heart']],
    ['sort=endsAt', ['school', 'heart', 'roof', 'dogs']],
    ['sort=-goalCents', ['roof', 'heart', 'dogs', 'school']],
    ['sort=-raisedCents', ['dogs', 'heart', 'school', 'roof']],
    ['page=2&limit=3', ['roof']],
    ['status=ended', []],
    ['status=draft', []],
    ['q=crianca', ['school', 'roof']],
    ['q=CRIANÇAS', ['school', 'roof']],
    ['q=coracao', ['heart']],
    ['q=cora%C3%A7%C3%B5es', ['heart']],
    ['q=coracoes', ['heart']],
    ['q=materiais', ['school']],
    ['q=abandon%20build', ['dogs']],
    ['q=telhado%20-creche', []],
    ['q=telhado%20OR%20dogs', ['dogs', 'roof']],
    ['q=%22material%20escolar%22', ['school']],
    ['q=%27%3B%20DROP%20TABLE%20campaigns%3B--', []],
    ['q=%3A%2A%26%21%28', []],
    ['q=', ['heart', 'dogs', 'school', 'roof']],
  ])('answers %s', async (query, right) => {
    if (query === 'sort=-raisedCents') {
      await people.rows(`INSERT INTO campaign_totals VALUES ($1, 500, 1), ($2, 300, 1)`, [made.dogs, made.heart]);
      await people.rows(
        `INSERT INTO campaign_tail (id, campaign_id, donation_id, cents, donors)
         SELECT gen_random_uuid(), $1, gen_random_uuid(), cents, donors FROM (VALUES (100, 1), (50, 0)) AS gifts (cents, donors)`,
        [made.school],
      );
    }
    expect(await names(query)).toEqual(right);
  });

  it.each(['-createdAt', 'createdAt', 'endsAt', '-goalCents'])('goes on by cursor in the order of %s, each once', async (sort) => {
    const whole = await names(`sort=${sort}`);
    const seen: (string | undefined)[] = [];
    let cursor: string | null = null;
    do {
      const { json } = await list(`sort=${sort}&limit=1${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...namesOf(json));
      cursor = json.nextCursor as string | null;
    } while (cursor);
    expect(seen).toEqual(whole);
  });

  it('shows one’s own in every state to oneself alone', async () => {
    expect((await list('ownerId=me')).status).toBe(401);
    expect(await names('ownerId=me', ana)).toEqual(['hidden', 'heart', 'dogs', 'school', 'roof']);
    expect(await names('ownerId=me&status=draft', ana)).toEqual(['hidden']);
    expect(await names('ownerId=me', await people.person({ role: 'organizer' }))).toEqual([]);
    expect(await names(`ownerId=${ana.user.id}`)).toEqual(['heart', 'dogs', 'school', 'roof']);
    expect(await names(`ownerId=${ana.user.id}&status=draft`)).toEqual([]);
    expect((await list('ownerId=me')).status).toBe(401);
  });

  it('tells sums of what was rolled up and what was added since', async () => {
    const { json } = await people.send('GET', `/campaigns/${made.school}`);
    expect(json).toMatchObject({ raisedCents: 150, donorCount: 1 });
  });
});

describe('Older clients', () => {
  const ask = (path: string) => people.ask(`/api/campanhas/listar${path}`);

  it.each(['?page=0', '?page=x', '?page=1.5'])('are refused %s', async (path) => expect((await ask(path)).status).toBe(422));

  it.each(['', '/'])('find campaigns under their old names, final slash "%s"', async (slash) => {
    const { status, json, headers } = await ask(`${slash}?page=1`);
    expect([status, json.count, json.next, json.previous]).toEqual([200, 4, null, null]);
    expect(headers.get('deprecation')).toMatch(/^@\d+$/);
    const school = (json.results as { id: string }[]).find(({ id }) => id === made.school);
    expect(school).toEqual({
      id: made.school,
      titulo: 'Material escolar',
      descricao: '<p>x</p>',
      meta: '1000.00',
      arrecadado: '1.50',
      status: 'active',
      criado_em: expect.any(String) as string,
    });
    expect((await ask(`${slash}?page=2`)).status).toBe(404);
  });

  it('find the largest goal that there may be', async () => {
    await make('moon', 'À lua', 'x', 1_000_000_000_000, null);
    const found = ((await ask('/')).json.results as { id: string; meta: string }[]).find(({ id }) => id === made.moon);
    expect(found?.meta).toBe('10000000000.00');
    await people.send('DELETE', `/campaigns/${made.moon}`, undefined, ana.accessToken);
  });

  it('leaf through pages of twenty', async () => {
    for (let n = 0; n < 18; n += 1) await make(`more${n}`, `Mais ${n}`, 'x', 100, null);
    const { json } = await ask('/');
    expect([json.count, (json.results as unknown[]).length]).toEqual([22, 20]);
    const next = new URL(String(json.next));
    expect(next.pathname + next.search).toBe('/api/campanhas/listar/?page=2');
    const last = await ask('/?page=2');
    expect([(last.json.results as unknown[]).length, last.json.next]).toEqual([2, null]);
    expect(String(last.json.previous)).toContain('?page=1');
  });
});

describe('Who goes', () => {
  it('takes his campaigns along, and leaves them without his name', async () => {
    const eva = await people.person({ role: 'organizer' });
    const { json } = await people.send(
      'POST',
      '/campaigns',
      { title: 'Horta', summary: 'x', description: 'x', goalCents: 100 },
      eva.accessToken,
    );
    await people.send('POST', `/campaigns/${String(json.id)}/publish`, undefined, eva.accessToken);
    for (const title of ['Um', 'Dois'])
      await people.send('POST', `/campaigns/${String(json.id)}/updates`, { title, body: 'x' }, eva.accessToken);
    const taken = await people.send('GET', '/users/me/export', undefined, eva.accessToken);
    expect(taken.json.campaigns).toMatchObject([{ title: 'Horta', updates: [{ title: 'Dois' }, { title: 'Um', body: 'x' }] }]);
    expect((await people.send('GET', `/campaigns/${String(json.id)}`)).json.owner).toMatchObject({ name: 'Ana Souza' });
    await people.send('PATCH', '/users/me', { name: 'Eva Maria' }, eva.accessToken);
    expect((await people.send('GET', `/campaigns/${String(json.id)}`)).json.owner).toMatchObject({ name: 'Eva Maria' });
    await people.send('DELETE', '/users/me', undefined, eva.accessToken);
    expect((await people.send('GET', `/campaigns/${String(json.id)}`)).json.owner).toMatchObject({ name: 'Removed person' });
  });
});
