import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SwaggerModule } from '@nestjs/swagger';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AccessGuard } from '../../src/http/access.guard.js';
import { newId } from '../../src/kernel/ids.js';
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
  requestBody?: { content: Record<string, { schema: Shape & { $ref?: string }; example?: Record<string, unknown> }> };
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

const UPLOAD = 'multipart/form-data';

function written(type: string, example: Record<string, string>): string | URLSearchParams | FormData {
  if (type === 'application/json') return JSON.stringify(example);
  if (type !== UPLOAD) return new URLSearchParams(example);
  const form = new FormData();
  for (const [name, value] of Object.entries(example))
    if (name === 'file') form.append(name, new Blob(['OggS']), value);
    else form.append(name, value);
  return form;
}

const described = async () => (await app.ask('/api/openapi.json')).json as unknown as Described;

describe('the description of the API', () => {
  it('is made once, however many ask before it is there', async () => {
    const making = vi.spyOn(SwaggerModule, 'createDocument');
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.ask('/api/openapi.json')));
    expect(new Set(answers.map(({ status, headers }) => `${status} ${headers.get('etag')}`)).size).toBe(1);
    expect(making.mock.calls.length).toBeLessThanOrEqual(1);
    making.mockRestore();
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
    expect(shape?.required).toEqual([
      ...['exportedAt', 'profile', 'rights', 'acts', 'signIns', 'campaigns', 'donations', 'refunds'],
      ...['messages', 'recordings', 'conversations', 'questions', 'aiUsage'],
    ]);
    expect(Object.keys(shape?.properties ?? {})).toEqual(shape?.required);
  });

  it('tells that errors below /v1, and only there, have the shape of OpenAI', async () => {
    const { paths, components } = await described();
    for (const [path, methods] of Object.entries(paths))
      for (const { responses } of Object.values(methods))
        for (const status of ['4XX', '5XX'])
          expect(responses[status]?.content, path).toEqual(
            path.startsWith('/v1/')
              ? { 'application/json': { schema: { $ref: '#/components/schemas/OpenAIError' } } }
              : { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          );
    const { headers, json } = await app.ask('/v1/models');
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(components.schemas.OpenAIError?.required).toEqual(Object.keys(json));
    const error = components.schemas.OpenAIError?.properties.error as unknown as Shape;
    expect(error.required).toEqual(Object.keys(json.error as object));
    expect(error.properties).toMatchObject({ param: { type: ['string', 'null'] } });
  });

  it('tells what may come as text', async () => {
    const { paths } = await described();
    const types = (path: string) => Object.keys(paths[path]?.post?.responses[200]?.content ?? {});
    expect(types('/v1/chat/completions')).toEqual(['application/json', 'text/event-stream']);
    expect(types('/api/v1/ai/chat')).toEqual(['application/json', 'text/event-stream']);
    expect(types('/v1/audio/transcriptions')).toEqual(['application/json', 'text/plain']);
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
          shape: schema.$ref === undefined ? schema : components.schemas[schema.$ref.replace('#/components/schemas/', '')],
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
      '/api/v1/ai/cache/purge',
      '/api/v1/analytics/refresh',
      '/api/v1/auth/logout-all',
      '/api/v1/auth/otp/enable',
      ...['close', 'hold', 'pause', 'publish', 'release'].map((step) => `/api/v1/campaigns/{id}/${step}`),
      // Read as whoever sends them writes them.
      ...['pix/{secret}', 'pix/{secret}/pix', 'sandbox'].map((sender) => `/api/v1/payments/webhooks/${sender}`),
      ...['cancel', 'pause', 'resume'].map((step) => `/api/v1/queues/whatsapp/broadcasts/{id}/${step}`),
      ...['templates/sync', 'webhook'].map((route) => `/api/v1/queues/whatsapp/${route}`),
      ...['pause', 'resume', 'retry-failed'].map((act) => `/api/v1/queues/{name}/${act}`),
    ]);
  });

  it('are forms, too, where forms are read', async () => {
    const forms = (await bodies()).filter(({ type }) => type === 'application/x-www-form-urlencoded');
    expect(forms.map(({ path }) => path)).toEqual(['/api/token', '/api/token/refresh']);
  });

  it('are read as their examples have them, by whom they are for', async () => {
    const people = await openPeople({ PAYMENT_PROVIDER: 'sandbox', ANALYTICS_DIR: join(tmpdir(), `mutirao-empty-${newId()}`) });
    const admin = await people.person({ role: 'admin' });
    const campaign = await people.send('POST', '/campaigns', draft, admin.accessToken);
    await people.send('POST', `/campaigns/${String(campaign.json.id)}/publish`, undefined, admin.accessToken);
    const ids: Record<string, string> = {
      '/api/v1/plans/{id}': 'pro',
      '/api/v1/users/{id}': (await people.person()).user.id,
      '/api/v1/ai/budgets/{userId}': admin.user.id,
      '/api/v1/ai/budgets/{userId}/grants': admin.user.id,
      '/api/v1/campaigns/{id}': String(campaign.json.id),
      '/api/v1/campaigns/{id}/updates': String(campaign.json.id),
      '/api/v1/campaigns/{id}/donations': String(campaign.json.id),
    };
    const refused: [request: string, code: unknown][] = [];
    for (const { path, method, isOpen, type, example } of await bodies()) {
      const { status, json } = await people.ask(path.replace(/\{(?:id|userId)\}/, ids[path] ?? ''), {
        method,
        // Whoever sends an upload has to say where its parts end.
        headers: {
          ...(type !== UPLOAD && { 'content-type': type }),
          'idempotency-key': newId(),
          ...(isOpen ? {} : { authorization: `Bearer ${admin.accessToken}` }),
        },
        body: written(type, example as Record<string, string>),
      });
      if (status >= 400) refused.push([`${path} ${type}`, json.code ?? (json.error as { code: string }).code]);
    }
    await people.close();
    // Only for tokens that nobody was given, codes where no second factor was begun, gifts, campaigns and messages that are not there, what the
    // built-in model is no good for, and questions before anything is exported.
    expect(Object.fromEntries(refused)).toEqual({
      '/v1/audio/transcriptions multipart/form-data': 'ai_request_refused',
      '/v1/embeddings application/json': 'ai_request_refused',
      '/api/token/refresh application/json': 'refresh_token_invalid',
      '/api/token/refresh application/x-www-form-urlencoded': 'refresh_token_invalid',
      '/api/v1/analytics/ask application/json': 'dependency_down',
      '/api/v1/analytics/query application/json': 'dependency_down',
      '/api/v1/auth/email/verify application/json': 'link_invalid',
      '/api/v1/auth/otp/confirm application/json': 'conflict',
      '/api/v1/auth/otp/disable application/json': 'conflict',
      '/api/v1/auth/password/reset application/json': 'link_invalid',
      '/api/v1/auth/refresh application/json': 'refresh_token_invalid',
      '/api/v1/donations/{id}/refund application/json': 'not_found',
      '/api/v1/payments/held/{provider}/{eventId}/resolve application/json': 'not_found',
      '/api/v1/queues/whatsapp/broadcasts application/json': 'not_found',
      '/api/v1/queues/whatsapp/broadcasts/plan application/json': 'not_found',
      '/api/v1/queues/whatsapp/messages/{id}/resolve application/json': 'not_found',
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
