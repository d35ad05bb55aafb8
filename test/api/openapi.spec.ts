import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessGuard } from '../../src/http/access.guard.js';
import { problems } from '../../src/kernel/problems.js';
import { openApp } from '../support/app.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { labEnvironment } from '../support/lab.js';

interface Described {
  openapi: string;
  paths: Record<
    string,
    Record<string, { operationId: string; summary?: string; tags: string[]; responses: Record<string, { description: string }> }>
  >;
  components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
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

  it('knows every code of the catalogue, and no other', async () => {
    expect((await described()).components.schemas.Problem.properties.code.enum).toEqual(Object.keys(problems));
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
