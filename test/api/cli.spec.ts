import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase } from '../support/fresh.js';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([freshDatabase(), mkdtemp(join(tmpdir(), 'mutirao-cli-'))]);
});
afterAll(() => Promise.all([database.drop(), rm(folder, { recursive: true })]));

const mutirao = (
  words: string[],
  env: Record<string, string> = { DATABASE_URL: database.url, REDIS_URL: 'unix:///nowhere', SECRET_KEY: 'tests' },
) =>
  new Promise<{ code: number; said: string }>((tell) => {
    execFile(
      process.execPath,
      [resolve('.build/src/cli/mutirao.js'), ...words],
      { cwd: folder, env: { PATH: process.env.PATH, ...env } },
      (fault, out, err) => tell({ code: typeof fault?.code === 'number' ? fault.code : 0, said: out + err }),
    );
  });

describe('the command line', () => {
  it('refuses a verb that it does not know, and a configuration that is wrong', async () => {
    expect(await mutirao(['conquer'])).toMatchObject({ code: 64, said: expect.stringContaining('Known: migrate') as string });
    expect(await mutirao(['migrate'], { PORT: 'x' })).toMatchObject({
      code: 78,
      said: expect.stringContaining('PORT: expected') as string,
    });
    expect(await mutirao(['queues', 'burn', 'lab'])).toMatchObject({ code: 64 });
    expect(await mutirao(['queues', 'pause', 'nothing'])).toMatchObject({ code: 1, said: 'There is no queue named nothing.\n' });
  });

  it('never takes a server that happens to run on the machine', async () => {
    for (const words of [['migrate'], ['migrate:down'], ['queues']]) {
      const { code, said } = await mutirao(words, { DATA_DIR: join(folder, 'none') });
      expect(code).toBe(1);
      expect(said).toContain('start the system with npm start first');
    }
  });

  it('shows queues, their dead letters, and gives these their attempts again', async () => {
    await database.rows(`INSERT INTO outbox (id, queue, job, payload, rank_at, state, failures, last_error)
      VALUES (gen_random_uuid(), 'lab', 'lab.note', '{"n": 1}', now(), 'dead', 8, 'the other side said no')`);
    expect((await mutirao(['queues', 'dead', 'lab'])).said).toMatch(/lab\.note {2}since .* 8 failures {2}the other side said no/);
    expect((await mutirao(['queues', 'pause', 'lab'])).said).toMatch(/^lab +true +0 +0 +0 +1/m);
    expect((await mutirao(['queues', 'retry', 'lab'])).said).toMatch(/^1 failed go back to lab$/m);
    expect((await mutirao(['queues', 'resume', 'lab'])).said).toMatch(/^lab +false +1 +0 +0 +0/m);
  });
});
