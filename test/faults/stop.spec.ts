import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { farOr } from '../support/drills.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { crowd } from '../support/crowd.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';
import { startSystem } from '../support/system.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
});
afterAll(() => Promise.all([database.drop(), redis.stop()]));

describe('SIGTERM under load', () => {
  it('fails no request: each is answered or finds the door closed', async () => {
    const lab = await spawnLab(labEnvironment(database.url, redis.url, { LOG_LEVEL: 'silent' }));
    const quick = crowd(`${lab.url}/health/live`, 32);
    const slow = crowd(`${lab.url}/lab/slow?ms=300`, 16);
    const fresh = crowd(`${lab.url}/health/live`, 8, false);
    await eventually(
      () => Promise.resolve(quick.answered + slow.answered),
      (count) => count > 500,
    );
    expect(await lab.end('SIGTERM')).toBe(0);
    await Promise.all([quick.over, slow.over, fresh.over]);
    expect([...quick.failures, ...slow.failures, ...fresh.failures]).toEqual([]);
    expect(slow.answered).toBeGreaterThan(16);
  });

  it('says not ready first, while it still answers', async () => {
    const lab = await spawnLab(labEnvironment(database.url, redis.url, { LOG_LEVEL: 'silent' }));
    expect((await fetch(`${lab.url}/health/ready`)).status).toBe(200);
    const held = fetch(`${lab.url}/lab/slow?ms=800`);
    const ended = lab.end('SIGTERM');
    const answer = await eventually(
      () => fetch(`${lab.url}/health/ready`),
      ({ status }) => status === 503,
    );
    expect(await answer.json()).toEqual({ status: 'error', reasons: ['this process is stopping'] });
    expect((await held).status).toBe(200);
    expect(await ended).toBe(0);
  });

  it('ends in order also where whoever started the process does not hear it any more', async () => {
    const lab = await spawnLab(labEnvironment(database.url, redis.url, { LOG_LEVEL: 'silent' }));
    const held = fetch(`${lab.url}/lab/slow?ms=300`);
    lab.process.disconnect();
    const ended = lab.end('SIGTERM');
    expect((await held).status).toBe(200);
    expect(await ended).toBe(0);
  });
});

describe('SIGTERM to the supervisor under load', () => {
  it.each(farOr(['1', '2'], ['2']))('fails no request with %s request processes', async (workers) => {
    const system = startSystem({ env: { WORKERS: workers, LOG_LEVEL: 'error' } });
    onTestFinished(() => system.end());
    const { url } = await system.ready();
    const kept = crowd(`${url}/health/live`, 32);
    const fresh = crowd(`${url}/health/live`, 4, false);
    await eventually(
      () => Promise.resolve(Math.min(kept.answered, fresh.answered)),
      (count) => count > 300,
    );
    expect((await system.stop('SIGTERM')).code).toBe(0);
    await Promise.all([kept.over, fresh.over]);
    expect([...kept.failures, ...fresh.failures]).toEqual([]);
  });
});
