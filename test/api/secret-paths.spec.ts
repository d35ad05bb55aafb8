import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApp } from '../support/app.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { LimitsLab } from '../support/limits.lab.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let app: Awaited<ReturnType<typeof openApp>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  app = await openApp(labEnvironment(database.url, redis.url, { APP_ROLE: 'api' }), [LimitsLab]);
});
afterAll(async () => {
  await app.app.close();
  await Promise.all([database.drop(), redis.stop()]);
});

async function lineOf(requestId: unknown) {
  const [line] = await eventually(
    async () => app.lines.filter((one) => one.requestId === requestId),
    (lines) => lines.length > 0,
  );
  return line;
}

describe('a secret in a path is neither logged nor said again', () => {
  it.each([
    ['POST', '/limits/webhook/word-of-secret', 401],
    ['GET', '/limits/webhook/word-of-secret', 404],
    ['POST', '/limits/WebHook/word-of-secret', 404],
    ['POST', '/elsewhere/webhook/word-of-secret/and/more', 404],
    ['POST', '/limits/%77eb%48ook/word-of-secret', 404],
    ['POST', '//limits//webhook//word-of-secret', 404],
    ['POST', '/limits%2fwebhook%2Fword-of-secret', 404],
    ['POST', '/a%25/webhook/word-of-secret', 404],
    ['POST', '/limits/webhook/word-of-secret%ff', 400],
    ['POST', '/limits/webhook/word-of-secret%25', 401],
  ])('%s %s', async (method, path, status) => {
    const answer = await app.ask(path, { method });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain('word-of-secret');
    expect(answer.json.instance).toMatch(/webhook\/+\[hidden\]$/i);
    expect(JSON.stringify(await lineOf(answer.json.requestId))).not.toContain('word-of-secret');
  });

  it('but what only resembles one is', async () => {
    for (const path of ['/limits/webhooks/campaign-7', '/limits/webhook', '/limits/webhook/']) {
      const answer = await app.ask(path);
      expect(answer.json.instance).toBe(path);
      expect(await lineOf(answer.json.requestId)).toMatchObject({ path });
    }
  });
});
