import { readFileSync } from 'node:fs';
import { SwaggerModule } from '@nestjs/swagger';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AccessGuard } from '../../src/http/access.guard.js';
import { openApp } from '../support/app.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { labEnvironment } from '../support/lab.js';

const written = JSON.parse(readFileSync('openapi.json', 'utf8')) as { paths: object };

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let app: Awaited<ReturnType<typeof openApp>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  // Some routes are for development alone.
  app = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'api', ENVIRONMENT: 'development' }), []);
});
afterAll(async () => {
  await app.app.close();
  await Promise.all([database.drop(), redis.stop()]);
});

describe('the description of the API', () => {
  it('is written beforehand, and read once, however many ask before it is there', async () => {
    const making = vi.spyOn(SwaggerModule, 'createDocument');
    const reading = vi.spyOn(app.app.get(AccessGuard), 'routes');
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.ask('/api/openapi.json')));
    expect(new Set(answers.map(({ status, headers }) => `${status} ${headers.get('etag')}`)).size).toBe(1);
    expect([making.mock.calls.length, reading.mock.calls.length]).toEqual([0, 1]);
    making.mockRestore();
    reading.mockRestore();
  });

  it('comes whole, with its length, packed or not', async () => {
    const [plain, packed, head] = await Promise.all([
      app.ask('/api/openapi.json', { headers: { 'accept-encoding': 'identity' } }),
      app.ask('/api/openapi.json', { headers: { 'accept-encoding': 'gzip' } }),
      app.ask('/api/openapi.json', { method: 'HEAD', headers: { 'accept-encoding': 'identity' } }),
    ]);
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(packed.text).toBe(plain.text);
    const length = String(Buffer.byteLength(plain.text));
    expect([plain.headers.get('content-length'), head.headers.get('content-length'), head.text]).toEqual([length, length, '']);
  });

  it('is OpenAPI 3.1, public, and as it is written', async () => {
    const { status, headers, json } = await app.ask('/api/openapi.json');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(json.openapi).toBe('3.1.0');
    expect(json).toEqual(written);
  });

  it('leaves out what is for development alone wherever else it runs', async () => {
    const other = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'api' }), []);
    const { json } = await other.ask('/api/openapi.json');
    await other.app.close();
    const paths = json.paths as object;
    expect(Object.keys(written.paths).filter((path) => !(path in paths))).toEqual(['/api/v1/ops/mailbox']);
    expect(Object.keys(paths).filter((path) => !(path in written.paths))).toEqual([]);
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
