import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import { beforeAProvider, PRICE } from '../support/ai.people.js';
import type { OpenAIStandIn } from '../support/openai.js';
import { codesOf, type People, type Session } from '../support/people.js';

let provider: OpenAIStandIn;
let people: People;
let admin: Session;
const here = beforeAProvider(400, { APP_ROLE: 'all', ENVIRONMENT: 'development', AI_DAILY_USD: '0.05' });
beforeAll(async () => {
  ({ provider, people } = here);
  admin = await people.person({ role: 'admin' });
});

const question = { messages: [{ role: 'user', content: 'Quanto custa um telhado?' }] };
const complete = (of: Session, body: object = {}) =>
  people.ask('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${of.accessToken}` },
    body: JSON.stringify({ ...question, ...body }),
  });
interface Usage {
  used: number;
  reserved: number;
  costUsd: number;
  limitUsd: number | null;
  warning: boolean;
}
const usage = async (of: Session) => (await people.send('GET', '/ai/usage', undefined, of.accessToken)).json as unknown as Usage;
const allow = (of: Session, change: object) => people.send('PUT', `/ai/budgets/${of.user.id}`, change, admin.accessToken);

describe('A ceiling of money', () => {
  it('is no text, not negative, and not nothing at all', async () => {
    const ana = await people.person();
    for (const change of [{ dailyUsd: '1' }, { dailyUsd: -1 }, { dailyUsd: 1e9 }, {}, { dailyNanos: 1 }])
      expect(codesOf(await allow(ana, change))).toEqual([422, 'validation_failed']);
  });

  it('holds for all, or as the plan or an admin has it for one', async () => {
    const ana = await people.person();
    expect((await usage(ana)).limitUsd).toBe(0.05);
    const { json } = await people.send('GET', '/plans');
    const free = (json.items as { id: string }[]).find(({ id }) => id === ana.user.plan)!;
    const { id, ...plan } = free;
    await people.send('PUT', `/plans/${id}`, { ...plan, dailyUsd: 0.04 }, admin.accessToken);
    expect((await usage(ana)).limitUsd).toBe(0.04);
    await people.send('PUT', `/plans/${id}`, { ...plan, dailyUsd: null }, admin.accessToken);
    const set = await allow(ana, { dailyUsd: 0.5 });
    expect([set.status, set.json.limitUsd, set.json.limit]).toEqual([200, 0.5, 50_000]);
    expect((await allow(ana, { dailyTokens: 7 })).json).toMatchObject({ limitUsd: 0.5, limit: 7 });
    expect((await allow(ana, { dailyUsd: null })).json).toMatchObject({ limitUsd: 0.05, limit: 7 });
  });

  it('is passed by no number of calls at once, streamed or not', async () => {
    const ana = await people.person();
    await allow(ana, { dailyUsd: 0.012 });
    const before = provider.ledger.length;
    const all = await Promise.all(Array.from({ length: 30 }, (_, at) => complete(ana, { max_tokens: 100, stream: at % 3 === 0 })));
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200, 429]));
    const { costUsd, reserved } = await eventually(
      () => usage(ana),
      (now) => now.reserved === 0,
    );
    expect(reserved).toBe(0);
    expect(costUsd).toBeLessThanOrEqual(0.012);
    const used = provider.ledger.slice(before).map((entry) => entry.promptTokens * PRICE.input + entry.completionTokens * PRICE.output);
    expect(used.reduce((sum, each) => sum + each, 0) / 1e6).toBeCloseTo(costUsd, 9);
    const refused = all.find(({ status }) => status === 429)!;
    expect((refused.json.error as { code: string; message: string }).code).toBe('token_budget_exhausted');
    expect((refused.json.error as { message: string }).message).toContain('money');
  });

  it('gives a shorter answer where the whole one would cost too much', async () => {
    const ana = await people.person();
    await allow(ana, { dailyUsd: 0.004 });
    expect((await complete(ana, { max_tokens: 400 })).status).toBe(200);
    const { maxTokens = 0 } = provider.ledger.at(-1)!;
    expect(maxTokens).toBeGreaterThanOrEqual(64);
    expect(maxTokens).toBeLessThan(200);
    expect((await usage(ana)).costUsd).toBeLessThanOrEqual(0.004);
  });
});

describe('Whoever has used four fifths', () => {
  it('is told so by each answer, and by one letter a day, however many calls find it so at once', async () => {
    const ana = await people.person();
    await allow(ana, { dailyTokens: 5_000 });
    for (let n = 0; n < 4; n += 1) await complete(ana, { max_tokens: 400 });
    await allow(ana, { dailyTokens: Math.ceil((await usage(ana)).used / 0.79) });
    const first = await people.send('GET', '/ai/usage', undefined, ana.accessToken);
    expect([first.json.warning, first.headers.get('x-token-budget-warning')]).toEqual([false, null]);
    await Promise.all(Array.from({ length: 20 }, () => complete(ana, { max_tokens: 8 })));
    const told = await complete(ana, { max_tokens: 1 });
    expect((await usage(ana)).warning).toBe(true);
    expect([200, 429]).toContain(told.status);
    expect(told.headers.get('x-token-budget-warning')).toBe('true');
    const letters = async () => {
      const { json } = await people.send('GET', `/ops/mailbox?to=${encodeURIComponent(ana.user.email)}`, undefined, admin.accessToken);
      return (json.items as { subject: string }[]).filter(({ subject }) => subject.includes('limite de IA'));
    };
    await eventually(letters, ({ length }) => length > 0);
    const open = () => people.rows<{ n: number }>(`SELECT count(*)::int AS n FROM outbox WHERE job = 'ai.warn-of-budget'`);
    await eventually(open, ([row]) => row!.n === 0);
    expect(await letters()).toHaveLength(1);
  });
});
