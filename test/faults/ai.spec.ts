import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { booksAtRest, judgeBooks, watch } from '../support/ai.judge.js';
import { complete, readEvents } from '../support/ai.asking.js';
import { farOr } from '../support/drills.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { openSite, type Site } from '../support/gifts.site.js';
import { eventually } from '../support/lab.js';
import { KEY, startOpenAI, type OpenAIStandIn } from '../support/openai.js';
import { newEmail, PASSWORD } from '../support/people.js';

const STREAMS = 50;
const LIMIT = 60_000;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let provider: OpenAIStandIn;
let site: Site;
beforeAll(async () => {
  [database, redis, provider] = await Promise.all([freshDatabase(), freshRedis(), startOpenAI({ words: 2_000 })]);
  await watch(database.rows, LIMIT);
  site = await openSite(
    { databaseUrl: database.url, redisUrl: redis.url, rows: database.rows },
    {
      AI_BASE_URL: provider.url,
      AI_API_KEY: KEY,
      AI_MODEL: 'model-of-tests',
      AI_STREAMS_PER_USER: String(STREAMS),
      AI_DAILY_TOKENS: String(LIMIT),
      RATE_LIMIT_PER_MINUTE: '0',
    },
  );
});
afterAll(async () => {
  await site.close();
  await Promise.all([database.drop(), redis.stop(), provider.stop()]);
});

it('a process killed with fifty streams open leaves no token reserved, and each is charged with what was last known of it', async () => {
  const registered = await site.send(1, 'POST', '/auth/register', { body: { email: newEmail(), name: 'Ana', password: PASSWORD } });
  const token = String(registered?.json.accessToken);
  const usage = async () => (await site.send(1, 'GET', '/ai/usage', { token }))?.json as { used: number; reserved: number };
  provider.behave({ pieceMs: 50 });
  const streams = Array.from({ length: STREAMS }, () =>
    fetch(`${site.labs[0].url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'Conte uma história.' }] }),
    })
      .then((answer) => answer.text())
      .catch(() => 'broken off'),
  );
  const noted = () => database.rows<{ spent: number }>(`SELECT spent::int FROM ai_calls WHERE state = 'open' AND spent > 150`);
  await eventually(noted, ({ length }) => length === STREAMS);
  await redis.ask((client) => client.flushall());
  await site.kill(0);
  expect(new Set(await Promise.all(streams))).toEqual(new Set(['broken off']));
  expect((await usage()).reserved).toBeGreaterThan(0);
  await provider.until(() => provider.open() === 0);
  const { used } = await eventually(usage, ({ reserved }) => reserved === 0);
  const [charged] = await database.rows<{ sum: number; least: number }>(
    'SELECT sum(spent)::int AS sum, min(spent)::int AS least FROM ai_calls',
  );
  expect(used).toBe(charged?.sum);
  expect(charged?.least).toBeGreaterThan(150);
  expect(used).toBeLessThanOrEqual(LIMIT);
  expect(await database.rows(`SELECT DISTINCT state FROM ai_calls`)).toEqual([{ state: 'lapsed' }]);
});

it(
  'whichever process is killed at whatever piece, the other’s calls go on, and of its own what they had come to is charged',
  async () => {
    const call = fc.record({ at: fc.nat(1), streamed: fc.boolean(), max_tokens: fc.integer({ min: 1, max: 1_500 }) });
    const calls = fc.array(call, { minLength: 4, maxLength: 16 });
    const property = fc.asyncProperty(calls, fc.nat(1), fc.integer({ min: 1, max: 400 }), async (all, killed, pieces) => {
      provider.behave('well');
      provider.ledger.length = 0;
      const registered = await site.send(1 - killed, 'POST', '/auth/register', {
        body: { email: newEmail(), name: 'Ana', password: PASSWORD },
      });
      const asker = { id: (registered!.json.user as { id: string }).id, token: String(registered!.json.accessToken) };
      provider.behave({ pieceMs: 5 });
      const asking = all.map(({ at, streamed, max_tokens }, n) =>
        complete(site, at, asker, { stream: streamed, max_tokens, user: String(n), messages: [{ role: 'user', content: 'Conte.' }] })
          .then(async (answer) => ((await readEvents(answer)) ? answer.status : undefined))
          .catch(() => undefined),
      );
      const begun = provider.until(() => provider.ledger.reduce((sum, { completionTokens }) => sum + completionTokens, 0) >= pieces);
      await Promise.race([begun, Promise.all(asking)]);
      await site.kill(killed);
      const statuses = await Promise.all(asking);
      const books = await booksAtRest({ rows: database.rows, provider }, [asker]);
      judgeBooks(books, STREAMS);
      for (const [n, { at }] of all.entries()) if (at !== killed) expect([200, 429]).toContain(statuses[n]);
      const used = (of: (user: string) => boolean) =>
        provider.ledger
          .filter(({ body }) => of(String(body.user)))
          .reduce((sum, { promptTokens, completionTokens }) => sum + promptTokens + completionTokens, 0);
      const spent = (state: string) => books.calls.filter((one) => one.state === state).reduce((sum, one) => sum + one.spent, 0);
      // What those have used who were answered is paid; those of the dead process have paid for their question at least.
      expect(spent('settled')).toBeGreaterThanOrEqual(used((user) => statuses[Number(user)] === 200));
      expect(
        books.calls.filter(({ state, spent: charged, reserved }) => state === 'lapsed' && (charged < 1 || charged > reserved)),
      ).toEqual([]);
    });
    await fc.assert(property, { numRuns: farOr(10, 1), endOnFailure: true });
  },
  farOr(600_000, 90_000),
);
