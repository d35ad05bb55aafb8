import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessGuard } from '../../src/http/access.guard.js';
import { problems } from '../../src/kernel/problems.js';
import { openApp } from '../support/app.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { labEnvironment } from '../support/lab.js';
import { openPeople } from '../support/people.js';

interface Shape {
  required?: string[];
  properties: Record<string, { enum: string[] }>;
}

interface Operation {
  operationId: string;
  summary?: string;
  description?: string;
  deprecated?: boolean;
  tags: string[];
  security: object[];
  requestBody?: { content: Record<string, { schema: { $ref: string }; example?: Record<string, unknown> }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Shape }> }>;
}

interface Described {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Shape> };
}

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let app: Awaited<ReturnType<typeof openApp>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  app = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'api' }), []);
});
afterAll(async () => {
  await app.app.close();
  await Promise.all([database.drop(), redis.stop()]);
});

const draft = { title: 'A roof', summary: 'It rains in.', description: '<p>Help.</p>', goalCents: 100 };

const described = async () => (await app.ask('/api/openapi.json')).json as unknown as Described;

describe('the description of the API', () => {
  it('is OpenAPI 3.1, public, and the committed copy is fresh', async () => {
    const { status, headers, json } = await app.ask('/api/openapi.json');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(json.openapi).toBe('3.1.0');
    await expect(`${JSON.stringify(json, null, 2)}\n`).toMatchFileSnapshot('../../openapi.json');
  });

  it('tells of every route, each with words, a group and its answers', async () => {
    const { paths } = await described();
    const told = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routes = app.app
      .get(AccessGuard)
      .routes()
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect(told.sort()).toEqual(routes.sort());
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
    for (const { operationId, summary, tags, responses } of operations) {
      expect([operationId, summary?.length, tags[0]]).not.toContain(undefined);
      expect(tags[0]).not.toBe('Other');
      expect(Object.keys(responses).length).toBeGreaterThan(1);
    }
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('tells what is deprecated, and that a final slash is fine there', async () => {
    const { paths } = await described();
    const old = Object.entries(paths).filter(([, methods]) => Object.values(methods).some(({ deprecated }) => deprecated));
    expect(old.map(([path]) => path).sort()).toEqual(['/api/campanhas/listar', '/api/token', '/api/token/refresh']);
    for (const [path, methods] of old) {
      expect(Object.values(methods)[0]?.description).toMatch(/with or without a final slash/);
      expect((await app.ask(`${path}/`, { method: Object.keys(methods)[0]?.toUpperCase() })).status, path).not.toBe(404);
    }
  });

  it('tells what one takes along', async () => {
    const { paths } = await described();
    const shape = paths['/api/v1/users/me/export']?.get?.responses[200]?.content?.['application/json']?.schema;
    expect(shape?.required).toEqual(['exportedAt', 'profile', 'rights', 'signIns']);
    expect(Object.keys(shape?.properties ?? {})).toEqual(shape?.required);
  });

  it('knows every code of the catalogue, and no other', async () => {
    expect((await described()).components.schemas.Problem?.properties.code?.enum).toEqual(Object.keys(problems));
  });
});

describe('the bodies that it tells of', () => {
  const bodies = async () => {
    const { paths, components } = await described();
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { operationId, security, requestBody }]) =>
        Object.entries(requestBody?.content ?? {}).map(([type, { schema, example }]) => ({
          path,
          method: method.toUpperCase(),
          operationId,
          isOpen: security.length === 0,
          type,
          example,
          shape: components.schemas[schema.$ref.replace('#/components/schemas/', '')],
        })),
      ),
    );
  };

  it('have examples, of known fields and with all that must be there', async () => {
    const told = await bodies();
    expect(told.length).toBeGreaterThan(15);
    for (const { operationId, type, example, shape } of told) {
      const fields = Object.keys(example ?? {});
      expect(fields.length, `${operationId} ${type}`).toBeGreaterThan(0);
      expect(Object.keys(shape?.properties ?? {}), operationId).toEqual(expect.arrayContaining(fields));
      expect(fields, operationId).toEqual(expect.arrayContaining(shape?.required ?? []));
    }
  });

  it('are not asked for where nothing is read', async () => {
    const { paths } = await described();
    const bare = Object.entries(paths).flatMap(([path, { post }]) => (post && !post.requestBody ? [path] : []));
    expect(bare.sort()).toEqual([
      '/api/v1/auth/logout-all',
      '/api/v1/auth/otp/enable',
      ...['close', 'hold', 'pause', 'publish', 'release'].map((step) => `/api/v1/campaigns/{id}/${step}`),
    ]);
  });

  it('are forms, too, where forms are read', async () => {
    const forms = (await bodies()).filter(({ type }) => type === 'application/x-www-form-urlencoded');
    expect(forms.map(({ path }) => path)).toEqual(['/api/token', '/api/token/refresh']);
  });

  it('are read as their examples have them, by whom they are for', async () => {
    const people = await openPeople();
    const admin = await people.person({ role: 'admin' });
    const campaign = await people.send('POST', '/campaigns', draft, admin.accessToken);
    const ids: Record<string, string> = {
      '/api/v1/plans/{id}': 'pro',
      '/api/v1/users/{id}': (await people.person()).user.id,
      '/api/v1/campaigns/{id}': String(campaign.json.id),
      '/api/v1/campaigns/{id}/updates': String(campaign.json.id),
    };
    const refused: [request: string, code: unknown][] = [];
    for (const { path, method, isOpen, type, example } of await bodies()) {
      const isForm = type !== 'application/json';
      const { status, json } = await people.ask(path.replace('{id}', ids[path] ?? ''), {
        method,
        headers: { 'content-type': type, ...(isOpen ? {} : { authorization: `Bearer ${admin.accessToken}` }) },
        body: isForm ? new URLSearchParams(example as Record<string, string>) : JSON.stringify(example),
      });
      if (status >= 400) refused.push([`${path} ${type}`, json.code]);
    }
    await people.close();
    // Only for tokens that nobody was given, and codes where no second factor was begun.
    expect(Object.fromEntries(refused)).toEqual({
      '/api/token/refresh application/json': 'refresh_token_invalid',
      '/api/token/refresh application/x-www-form-urlencoded': 'refresh_token_invalid',
      '/api/v1/auth/email/verify application/json': 'link_invalid',
      '/api/v1/auth/otp/confirm application/json': 'conflict',
      '/api/v1/auth/otp/disable application/json': 'conflict',
      '/api/v1/auth/password/reset application/json': 'link_invalid',
      '/api/v1/auth/refresh application/json': 'refresh_token_invalid',
    });
  });
});

describe('the page that shows it', () => {
  it('is made of parts that are all here, and may load nothing else', async () => {
    const page = await app.ask('/api/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self'/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^\/api\/docs\//);
      const { status, headers } = await app.ask(link);
      expect(status).toBe(200);
      const known = await app.ask(link, { headers: { 'if-none-match': headers.get('etag') ?? '' } });
      expect([known.status, known.text]).toEqual([304, '']);
      const head = await app.ask(link, { method: 'HEAD', headers: { 'if-none-match': headers.get('etag') ?? '' } });
      expect([head.status, head.headers.get('content-length')]).toEqual([304, null]);
    }
  });

  it('is not there on processes of other roles', async () => {
    const worker = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'worker' }));
    for (const path of ['/api/docs', '/api/openapi.json']) expect((await worker.ask(path)).status).toBe(404);
    await worker.app.close();
  });
});
