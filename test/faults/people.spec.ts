import { afterAll, beforeAll, expect, it } from 'vitest';
import { AccessTokens } from '../../src/auth/access-tokens.js';
import { Standings } from '../../src/auth/standings.js';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { openApp } from '../support/app.js';
import { startEngines } from '../support/engines.js';
import { signalTree } from '../support/freeze.js';
import { labEnvironment } from '../support/lab.js';
import { newEmail, PASSWORD } from '../support/people.js';

let engines: Awaited<ReturnType<typeof startEngines>>;
beforeAll(async () => {
  engines = await startEngines();
});
afterAll(() => engines.stop());

const now = Symbol('at once');
/** What is known without waiting for anything but the present turn of the loop. */
const atOnce = <T>(answer: T | Promise<T>) =>
  Promise.race([answer, new Promise<typeof now>((resolve) => setImmediate(() => resolve(now)))]);

it('PostgreSQL frozen: who was let in a moment ago is not kept waiting to be known, others are', async () => {
  const env = labEnvironment(engines.databaseUrl, engines.redisUrl, {
    APP_ROLE: 'api',
    RATE_LIMIT_AUTH_PER_MINUTE: '0',
    LOG_LEVEL: 'silent',
  });
  await migrate(readConfig(env), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'tests'));
  const { app, ask } = await openApp(env);
  const { json } = await ask('/api/v1/auth/register', {
    method: 'POST',
    body: JSON.stringify({ email: newEmail(), password: PASSWORD, name: 'Ana' }),
    headers: { 'content-type': 'application/json' },
  });
  const { sid } = app.get(AccessTokens, { strict: false }).read(String(json.accessToken)) ?? { sid: '' };
  const standings = app.get(Standings, { strict: false });
  const known = await standings.of(sid);
  expect(known?.role).toBe('donor');
  signalTree(engines.postgresPid ?? Number.NaN, 'SIGSTOP');
  try {
    const frozen = performance.now();
    // As somebody who asks again and again, past the three seconds for which a word is good by itself.
    while (performance.now() < frozen + 5_000) {
      expect(await atOnce(standings.of(sid))).toEqual(known);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await atOnce(standings.of('01900000-0000-7000-8000-000000000000'))).toBe(now);
  } finally {
    signalTree(engines.postgresPid ?? Number.NaN, 'SIGCONT');
  }
  expect(await standings.of(sid)).toEqual(known);
  await app.close();
});

it('A late process knows whoever comes in the turn of its loop in which it asks for others', async () => {
  const env = labEnvironment(engines.databaseUrl, engines.redisUrl, {
    APP_ROLE: 'api',
    RATE_LIMIT_AUTH_PER_MINUTE: '0',
    LOG_LEVEL: 'silent',
  });
  await migrate(readConfig(env), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'tests'));
  const { app, ask } = await openApp(env);
  const signIn = async () => {
    const body = JSON.stringify({ email: newEmail(), password: PASSWORD, name: 'Ana' });
    const { json } = await ask('/api/v1/auth/register', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    return app.get(AccessTokens, { strict: false }).read(String(json.accessToken))!.sid;
  };
  const [known, other] = [await signIn(), await signIn()];
  const standings = app.get(Standings, { strict: false });
  expect(await standings.of(known)).toBeDefined();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  // Known for a second: in a moment it is asked for again.
  expect(await atOnce(standings.of(known))).toBeDefined();
  const standing = await new Promise((resolve) => {
    setImmediate(() => {
      const until = performance.now() + 300;
      while (performance.now() < until);
      resolve(standings.of(other));
    });
  });
  expect(standing).toMatchObject({ role: 'donor' });
  await app.close();
});
