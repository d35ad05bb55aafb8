import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../src/health/version.js';
import { AccessGuard } from '../../src/http/access.guard.js';
import { openApiDocument } from '../../src/http/openapi.js';
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
let described: Described;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  // Some routes are for development alone.
  app = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'api', ENVIRONMENT: 'development' }), []);
  described = JSON.parse(JSON.stringify(openApiDocument(app.app, version))) as Described;
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

describe('the description of the API', () => {
  it('is written of what there is now', async () => {
    await expect(`${JSON.stringify(described, null, 2)}\n`).toMatchFileSnapshot('../../openapi.json');
  });

  it('tells of every route, each with words, a group and its answers', () => {
    const { paths } = described;
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
    const { paths } = described;
    const old = Object.entries(paths).filter(([, methods]) => Object.values(methods).some(({ deprecated }) => deprecated));
    expect(old.map(([path]) => path).sort()).toEqual(['/api/campanhas/listar', '/api/token', '/api/token/refresh']);
    for (const [path, methods] of old) {
      expect(Object.values(methods)[0]?.description).toMatch(/with or without a final slash/);
      expect((await app.ask(`${path}/`, { method: Object.keys(methods)[0]?.toUpperCase() })).status, path).not.toBe(404);
    }
  });

  it('tells what one takes along', () => {
    const { paths } = described;
    const shape = paths['/api/v1/users/me/export']?.get?.responses[200]?.content?.['application/json']?.schema;
    expect(shape?.required).toEqual([
      ...['exportedAt', 'profile', 'rights', 'acts', 'signIns', 'campaigns', 'donations', 'refunds'],
      ...['messages', 'recordings', 'conversations', 'questions', 'aiUsage'],
    ]);
    expect(Object.keys(shape?.properties ?? {})).toEqual(shape?.required);
  });

  it('tells that errors below /v1, and only there, have the shape of OpenAI', async () => {
    const { paths, components } = described;
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

  it('tells what may come as text', () => {
    const { paths } = described;
    const types = (path: string) => Object.keys(paths[path]?.post?.responses[200]?.content ?? {});
    expect(types('/v1/chat/completions')).toEqual(['application/json', 'text/event-stream']);
    expect(types('/api/v1/ai/chat')).toEqual(['application/json', 'text/event-stream']);
    expect(types('/v1/audio/transcriptions')).toEqual(['application/json', 'text/plain']);
  });

  it('knows every code of the catalogue, and no other', () => {
    expect(described.components.schemas.Problem?.properties.code?.enum).toEqual(Object.keys(problems));
  });
});

describe('the bodies that it tells of', () => {
  const bodies = () => {
    const { paths, components } = described;
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

  it('have examples, of known fields and with all that must be there', () => {
    const told = bodies();
    expect(told.length).toBeGreaterThan(15);
    for (const { operationId, type, example, shape } of told) {
      const fields = Object.keys(example ?? {});
      expect(fields.length, `${operationId} ${type}`).toBeGreaterThan(0);
      expect(Object.keys(shape?.properties ?? {}), operationId).toEqual(expect.arrayContaining(fields));
      expect(fields, operationId).toEqual(expect.arrayContaining(shape?.required ?? []));
    }
  });

  it('are not asked for where nothing is read', () => {
    const { paths } = described;
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

  it('are forms, too, where forms are read', () => {
    const forms = bodies().filter(({ type }) => type === 'application/x-www-form-urlencoded');
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
    for (const { path, method, isOpen, type, example } of bodies()) {
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
