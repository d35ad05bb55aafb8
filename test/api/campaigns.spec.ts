import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/kernel/ids.js';
import { codesOf, openPeople, type People, type Session } from '../support/people.js';

let people: People;
let [ana, eva, admin, donor]: Session[] = [];
beforeAll(async () => {
  people = await openPeople({ APP_ROLE: 'all', RATE_LIMIT_USER_PER_MINUTE: '0' });
  [ana, eva, admin, donor] = await Promise.all([
    people.person({ role: 'organizer' }),
    people.person({ role: 'organizer' }),
    people.person({ role: 'admin' }),
    people.person(),
  ]);
});
afterAll(() => people.close());

const body = { title: 'Um telhado novo', summary: 'A chuva entra.', description: '<p>Sessenta crianças.</p>', goalCents: 5_000_000 };
const ask = (as: Session | undefined, method: string, path: string, json?: unknown, headers?: Record<string, string>) =>
  people.send(method, `/campaigns${path}`, json, as?.accessToken, headers);
async function made(as = ana, more: object = {}, published = false): Promise<{ id: string; slug: string; version: number }> {
  const { status, json } = await ask(as, 'POST', '', { ...body, ...more });
  expect(status).toBe(201);
  if (published) expect((await ask(as, 'POST', `/${String(json.id)}/publish`)).status).toBe(200);
  return json as { id: string; slug: string; version: number };
}

describe('Refused', () => {
  const id = newId();
  it.each<[string, string, object?]>([
    ['POST', '', body],
    ['PATCH', `/${id}`, { title: 'x' }],
    ['DELETE', `/${id}`],
    ['POST', `/${id}/publish`],
    ['POST', `/${id}/pause`],
    ['POST', `/${id}/close`],
    ['POST', `/${id}/hold`],
    ['POST', `/${id}/release`],
    ['POST', `/${id}/updates`, { title: 'x', body: 'x' }],
    ['DELETE', `/${id}/updates/${id}`],
  ])('is %s /campaigns%s to strangers and donors, and for what is not there', async (method, path, json) => {
    expect(codesOf(await ask(undefined, method, path, json))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await ask(donor, method, path, json))).toEqual([403, 'forbidden']);
    if (path !== '') expect(codesOf(await ask(admin, method, path, json))).toEqual([404, 'not_found']);
  });

  it('are changes of somebody else’s campaign, and holds by organizers', async () => {
    const draft = await made();
    const open = await made(ana, {}, true);
    for (const [method, path, json] of [
      ['PATCH', '', { title: 'x' }],
      ['DELETE', ''],
      ['POST', '/publish'],
      ['POST', '/close'],
    ] as const) {
      expect(codesOf(await ask(eva, method, `/${draft.id}${path}`, json))).toEqual([404, 'not_found']);
      expect(codesOf(await ask(eva, method, `/${open.id}${path}`, json))).toEqual([403, 'forbidden']);
    }
    for (const path of ['hold', 'release']) expect(codesOf(await ask(ana, 'POST', `/${open.id}/${path}`))).toEqual([403, 'forbidden']);
  });

  it.each<[string, object]>([
    ['goalCents', { goalCents: -1 }],
    ['goalCents', { goalCents: 99 }],
    ['goalCents', { goalCents: 100.5 }],
    ['goalCents', { goalCents: '5000' }],
    ['goalCents', { goalCents: 1e15 }],
    ['currency', { currency: 'USD' }],
    ['title', { title: ' ' }],
    ['title', { title: 'x'.repeat(121) }],
    ['title', { title: 'a\u202eb' }],
    ['title', { title: 'a\0b' }],
    ['summary', { summary: undefined }],
    ['description', { description: '<script>alert(1)</script>' }],
    ['description', { description: 'x'.repeat(50_001) }],
    ['description', { description: '&'.repeat(10_001) }],
    ['description', { description: 'a\0b' }],
    ['description', { description: 'a\x1bb' }],
    ['endsAt', { endsAt: '2020-01-01T00:00:00Z' }],
    ['endsAt', { endsAt: 'soon' }],
    ['endsAt', { endsAt: '9999-12-31T23:59:59-23:59' }],
    ['category', { category: 'spam' }],
    ['coverUrl', { coverUrl: 'javascript:alert(1)' }],
    ['coverUrl', { coverUrl: 'http://example.org/x.png' }],
    ['coverUrl', { coverUrl: 'https://example.org/"onerror="x' }],
    ['coverUrl', { coverUrl: 'https:example.org' }],
    ['coverUrl', { coverUrl: 'https://user@example.org/x.png' }],
    ['status', { status: 'active' }],
    ['ownerId', { ownerId: newId() }],
    ['raisedCents', { raisedCents: 5 }],
    ['slug', { slug: 'mine' }],
  ])('is a campaign whose %s is as in %j', async (path, more) => {
    const { status, json } = await ask(ana, 'POST', '', { ...body, ...more });
    expect([status, json.code, json.errors]).toEqual([422, 'validation_failed', [expect.objectContaining({ path })]]);
  });

  it.each(['publish', 'pause', 'close', 'hold', 'release'])('is a field along with %s, which reads none', async (step) => {
    const { id } = await made();
    const { status, json } = await ask(admin, 'POST', `/${id}/${step}`, { status: 'active' });
    expect([status, json.errors]).toEqual([422, [expect.objectContaining({ path: 'status' })]]);
  });

  it('is a description of 10 MB', async () => {
    expect((await ask(ana, 'POST', '', { ...body, description: 'x'.repeat(10_000_000) })).status).toBe(413);
  });

  it.each([
    'sort=title',
    'sort=-createdAt;drop',
    'limit=0',
    'page=1&cursor=x',
    'status=gone',
    'ownerId=x',
    'sort=-raisedCents&cursor=x',
    `q=${'x'.repeat(201)}`,
  ])('is a list by %s', async (query) => {
    expect(codesOf(await ask(undefined, 'GET', `?${query}`))).toEqual([422, 'validation_failed']);
  });

  it('are cursors that are forged or of another order', async () => {
    await Promise.all([made(ana, {}, true), made(ana, {}, true)]);
    const { json } = await ask(undefined, 'GET', '?limit=1');
    const cursor = String(json.nextCursor);
    for (const query of [`cursor=${cursor}x`, 'cursor=x', `cursor=${cursor}&sort=createdAt`, `cursor=${cursor}&q=telhado`])
      expect(codesOf(await ask(undefined, 'GET', `?${query}`))).toEqual([422, 'cursor_not_valid']);
  });
});

describe('A campaign', () => {
  it('whose title is written like an id is found by its slug', async () => {
    const { slug } = await made(ana, { title: newId() }, true);
    expect((await ask(undefined, 'GET', `/${slug}`)).status).toBe(200);
  });

  it('begins as a draft that only its owner and admins see', async () => {
    const { status, json } = await ask(ana, 'POST', '', { ...body, endsAt: null });
    expect(status).toBe(201);
    expect(json).toEqual({
      id: expect.any(String) as string,
      slug: expect.stringMatching(/^um-telhado-novo/) as string,
      title: body.title,
      summary: body.summary,
      description: body.description,
      category: null,
      coverUrl: null,
      status: 'draft',
      goalCents: 5_000_000,
      raisedCents: 0,
      donorCount: 0,
      currency: 'BRL',
      endsAt: null,
      createdAt: expect.any(String) as string,
      version: 1,
      owner: { id: ana!.user.id, name: 'Ana Souza' },
    });
    for (const at of [String(json.id), String(json.slug)]) {
      for (const who of [undefined, eva, donor]) expect(codesOf(await ask(who, 'GET', `/${at}`))).toEqual([404, 'not_found']);
      for (const who of [ana, admin]) expect((await ask(who, 'GET', `/${at}`)).json).toEqual(json);
      expect(codesOf(await ask(undefined, 'GET', `/${at}`))).toEqual([404, 'not_found']);
    }
  });

  it('has an address of its own, also where many have the same title at once', async () => {
    const all = await Promise.all(Array.from({ length: 12 }, () => made(ana, { title: 'Ação já: pão & café!' })));
    const slugs = all.map(({ slug }) => slug);
    expect(new Set(slugs).size).toBe(12);
    for (const slug of slugs) expect(slug).toMatch(/^acao-ja-pao-cafe(-[a-z\d]{5})?$/);
    const [{ id, slug }] = all as [(typeof all)[0]];
    expect((await ask(ana, 'PATCH', `/${id}`, { title: 'Outro nome' })).json.slug).toBe(slug);
  });

  it('changes by its version, of which one of many at once is the next', async () => {
    const { id } = await made(ana, {}, true);
    const first = await ask(undefined, 'GET', `/${id}`);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"2-[\w-]+"$/);
    expect((await ask(undefined, 'GET', `/${id}`, undefined, { 'if-none-match': etag })).status).toBe(304);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => ask(ana, 'PATCH', `/${id}`, { summary: `Nova ${n}` }, { 'if-match': etag })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
    const winner = answers.find(({ status }) => status === 200);
    const seen = await ask(undefined, 'GET', `/${id}`);
    expect(seen.json).toEqual(winner?.json);
    expect(seen.headers.get('etag')).toBe(winner?.headers.get('etag'));
    for (const stale of [etag, '"1"', '"x"', '"1", "2-x"'])
      expect((await ask(ana, 'PATCH', `/${id}`, { summary: 'x' }, { 'if-match': stale })).status).toBe(412);
    for (const good of ['"2-x", "3-x"', '*', undefined])
      expect((await ask(admin, 'PATCH', `/${id}`, { summary: good ?? 'y' }, good ? { 'if-match': good } : undefined)).status).toBe(200);
  });

  it('that is to be as it is keeps its version, so that nobody has to begin anew', async () => {
    const endsAt = new Date(Date.now() + 86_400_000).toISOString();
    const { id, version } = await made(ana, { endsAt, category: 'health' });
    for (const same of [{}, { title: body.title }, { ...body, endsAt, category: 'health', coverUrl: null }]) {
      const { status, json } = await ask(ana, 'PATCH', `/${id}`, same, { 'if-match': `"${version}"` });
      expect([status, json.version]).toEqual([200, version]);
    }
    expect((await ask(ana, 'PATCH', `/${id}`, {}, { 'if-match': '"99"' })).status).toBe(412);
  });

  it('shows no script, whatever was written', async () => {
    const description = `<p onclick="x()">Olá<script>x()</script></p><img src="https://a.example/x.png" onerror="x()"><img src="data:text/html,x">
      <a href="javascript:x()">a</a><a href="https://a.example" target="_blank">b</a><iframe src="https://a.example"></iframe><svg><script>x()</script></svg>`;
    const { json } = await ask(ana, 'POST', '', { ...body, description });
    const text = String(json.description);
    for (const wrong of ['script', 'onclick', 'onerror', 'javascript', 'iframe', 'svg', 'data:', 'target'])
      expect(text).not.toContain(wrong);
    expect(text).toContain('<a href="https://a.example" rel="nofollow noopener ugc">b</a>');
    expect(text).toContain('<img src="https://a.example/x.png" />');
  });

  it('can be removed, and then is nowhere', async () => {
    const { id, slug } = await made(ana, {}, true);
    for (const at of [id, slug]) expect((await ask(undefined, 'GET', `/${at}`)).status).toBe(200);
    expect((await ask(ana, 'DELETE', `/${slug}`)).status).toBe(204);
    for (const at of [id, slug]) expect((await ask(undefined, 'GET', `/${at}`)).status).toBe(404);
    expect((await ask(ana, 'DELETE', `/${id}`)).status).toBe(404);
  });
});

describe('News', () => {
  it('are told by the owner, and go with him', async () => {
    const { id, slug } = await made(ana, {}, true);
    expect(codesOf(await ask(eva, 'POST', `/${id}/updates`, { title: 'x', body: 'x' }))).toEqual([403, 'forbidden']);
    for (const wrong of [{}, { title: 'x' }, { title: '', body: 'x' }, { title: 'x', body: '<script>' }])
      expect((await ask(ana, 'POST', `/${id}/updates`, wrong)).status).toBe(422);
    expect((await ask(undefined, 'GET', `/${slug}/updates`)).json).toEqual({ items: [], nextCursor: null });
    for (const title of ['Um', 'Dois', 'Três'])
      expect((await ask(ana, 'POST', `/${slug}/updates`, { title, body: '<b>x</b><script>' })).status).toBe(201);
    const { json } = await ask(undefined, 'GET', `/${slug}/updates?limit=2`);
    expect(json.items).toMatchObject([{ title: 'Três', body: '<b>x</b>' }, { title: 'Dois' }]);
    const rest = await ask(undefined, 'GET', `/${id}/updates?limit=2&cursor=${String(json.nextCursor)}`);
    expect(rest.json).toMatchObject({ items: [{ title: 'Um' }], nextCursor: null });
    const [first] = json.items as { id: string }[];
    expect((await ask(eva, 'DELETE', `/${id}/updates/${first?.id}`)).status).toBe(403);
    expect((await ask(ana, 'DELETE', `/${id}/updates/${first?.id}`)).status).toBe(204);
    expect((await ask(ana, 'DELETE', `/${id}/updates/${first?.id}`)).status).toBe(404);
    expect((await ask(undefined, 'GET', `/${slug}/updates`)).json.items).toHaveLength(2);
  });
});
