import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let lab: Awaited<ReturnType<typeof spawnLab>>;
beforeAll(async () => {
  [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  lab = await spawnLab(labEnvironment(database.url, redis.url, { APP_ROLE: 'api', OVERLOAD_DELAY_MS: '250' }));
});
afterAll(async () => {
  await lab.end('SIGKILL');
  await Promise.all([redis.stop(), database.drop()]);
});

async function ask(path: string) {
  const answer = await fetch(`${lab.url}${path}`);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}
const small = () => ask('/lab/slow?ms=0');

describe('where turns of the loop take long', () => {
  it('one alone refuses nobody', async () => {
    const answers = await Promise.all([ask('/lab/block?ms=600&turns=1'), ...Array.from({ length: 20 }, small)]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('and follow each other, more and more of what comes is refused until the process has caught up, but for probes', async () => {
    let working = true;
    const work = ask('/lab/block?ms=400&turns=20').finally(() => (working = false));
    const refusal = await eventually(small, ({ status }) => status !== 200 || !working);
    expect(refusal.status).toBe(503);
    expect(JSON.parse(refusal.text)).toMatchObject({ status: 503, code: 'overloaded', instance: '/lab/slow' });
    expect(refusal.headers.get('retry-after')).toBe('5');
    const some = () => Promise.all(Array.from({ length: 8 }, small));
    await eventually(some, (all) => all.every(({ status }) => status === 503) || !working);
    expect((await ask('/health/live')).status).toBe(200);
    expect(working).toBe(true);
    expect((await work).status).toBe(200);
    await eventually(small, ({ status }) => status === 200);
  });
});
