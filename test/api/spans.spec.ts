import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import { openPeople, PASSWORD, newEmail, type People } from '../support/people.js';
import { startOpenAI, KEY, type OpenAIStandIn } from '../support/openai.js';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, string> }[];
  status: { code?: number };
}

/** Takes traces as a collector does, or refuses them. */
async function startCollector() {
  const spans: Span[] = [];
  const state = { refuses: false, bodies: '' };
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    request.on('end', () => {
      state.bodies += text;
      const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
      if (request.url === '/v1/traces' && !state.refuses)
        spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.writeHead(state.refuses ? 503 : 200).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, spans, state, stop: () => server.close() };
}

let collector: Awaited<ReturnType<typeof startCollector>>;
let provider: OpenAIStandIn;
let people: People;
beforeAll(async () => {
  [collector, provider] = await Promise.all([startCollector(), startOpenAI({ words: 3 })]);
  people = await openPeople({
    APP_ROLE: 'all',
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    AI_BASE_URL: provider.url,
    AI_API_KEY: KEY,
    AI_MODEL: 'model-of-tests',
    AI_PRICES: '{"model-of-tests": {"input": 1, "output": 1}}',
  });
});
afterAll(async () => {
  await people.close();
  await provider.stop();
  collector.stop();
});
beforeEach(() => {
  collector.state.refuses = false;
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const ofTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
const told = (traceId: string, ...names: (string | RegExp)[]) =>
  eventually(
    async () => ofTrace(traceId),
    (spans) => names.every((name) => spans.some((span) => (typeof name === 'string' ? span.name === name : name.test(span.name)))),
  );
const register = (email: string, traceparent: string) =>
  people.send('POST', '/auth/register', { email, password: PASSWORD, name: 'Ana' }, undefined, { traceparent });

describe('Traces', () => {
  it('lead from a request to its transaction and to the job that follows, within the caller’s own', async () => {
    const email = newEmail();
    expect((await register(email, `00-${TRACE}-${CALLER}-01`)).status).toBe(201);
    const spans = await told(TRACE, 'POST /api/v1/auth/register', 'transaction', 'job auth.verify-email');
    const request = spans.find(({ name }) => name.startsWith('POST'));
    expect(request).toMatchObject({ parentSpanId: CALLER, kind: 2, status: {} });
    expect(request?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: '201' } });
    expect(spans.filter(({ name }) => name === 'transaction').some(({ parentSpanId }) => parentSpanId === request?.spanId)).toBe(true);
    expect(spans.find(({ name }) => name.startsWith('job'))?.kind).toBe(5);
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
    expect(collector.state.bodies).not.toContain(email);
  });

  it('tell of calls to others by their host alone, and of answers that are faults', async () => {
    const { accessToken } = await people.person();
    const traceId = TRACE.replace('0af', '1af');
    await people.send('POST', '/ai/chat', { message: 'Olá' }, accessToken, { traceparent: `00-${traceId}-${CALLER}-01` });
    const { host } = new URL(provider.url);
    const spans = await told(traceId, `POST ${host}`);
    const request = spans.find(({ name }) => name === 'POST /api/v1/ai/chat');
    expect(request).toBeDefined();
    expect(spans.find(({ name }) => name === `POST ${host}`)).toMatchObject({ kind: 3, traceId });
  });

  it('are kept to oneself where the caller keeps his', async () => {
    const quiet = TRACE.replace('0af', '2af');
    const loud = TRACE.replace('0af', '3af');
    await register(newEmail(), `00-${quiet}-${CALLER}-00`);
    await register(newEmail(), `00-${loud}-${CALLER}-01`);
    await told(loud, 'POST /api/v1/auth/register');
    expect(ofTrace(quiet)).toEqual([]);
  });

  it('are dropped where nobody takes them, and nobody waits', async () => {
    collector.state.refuses = true;
    const traceId = TRACE.replace('0af', '4af');
    expect((await register(newEmail(), `00-${traceId}-${CALLER}-01`)).status).toBe(201);
    await eventually(
      async () => people.lines.filter(({ msg }) => msg.startsWith('traces are dropped')).length,
      (count) => count > 0,
    );
    collector.state.refuses = false;
    const next = TRACE.replace('0af', '5af');
    await register(newEmail(), `00-${next}-${CALLER}-01`);
    await told(next, 'POST /api/v1/auth/register');
    expect(people.lines.filter(({ msg }) => msg.startsWith('traces are dropped'))).toHaveLength(1);
  });
});
