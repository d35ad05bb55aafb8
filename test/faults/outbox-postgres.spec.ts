import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { newId } from '../../src/kernel/ids.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { farOr } from '../support/drills.js';
import { startEngines } from '../support/engines.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';
import { labTables } from '../support/lab.tables.js';

const COUNT = farOr(3_000, 2_500);

let engines: Awaited<ReturnType<typeof startEngines>>;
beforeAll(async () => {
  engines = await startEngines({ durable: true });
  const env = labEnvironment(engines.databaseUrl, engines.redisUrl);
  await migrate(readConfig(env), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'tests'));
});
afterAll(() => engines.stop());

const done = async () => {
  const [row] = await engines.rows<{ count: number }>('SELECT count(*)::int FROM lab_effects').catch(() => []);
  return row?.count ?? -1;
};

describe('PostgreSQL killed in the middle of the work', () => {
  it('costs no effect and doubles none: what was committed is there, the rest is done again', async () => {
    await engines.rows(labTables);
    const ids = Array.from({ length: COUNT }, () => newId());
    await engines.rows(
      `INSERT INTO outbox (id, queue, job, payload, rank_at)
       SELECT id, 'lab', 'lab.note', jsonb_build_object('n', n), now() FROM unnest($1::uuid[]) WITH ORDINALITY AS t(id, n)`,
      [ids],
    );
    const env = labEnvironment(engines.databaseUrl, engines.redisUrl, { APP_ROLE: 'worker', LOG_LEVEL: 'silent' });
    const labs = await Promise.all([spawnLab(env), spawnLab(env)]);
    for (const killAt of farOr([200, 1_500], [1_500])) {
      await eventually(done, (count) => count >= killAt);
      process.kill(engines.postgresPid ?? Number.NaN, 'SIGKILL');
      await eventually(
        () => engines.rows('SELECT 1').catch(() => []),
        (answer) => answer.length === 1,
      );
    }
    await eventually(
      () => engines.rows<{ count: number }>('SELECT count(*)::int FROM outbox').catch(() => []),
      ([row]) => row?.count === 0,
      40_000,
    );
    const [tally] = await engines.rows('SELECT count(*)::int AS all, count(DISTINCT n)::int AS different FROM lab_effects');
    expect(tally).toEqual({ all: COUNT, different: COUNT });
    await Promise.all(labs.map((lab) => lab.end()));
  });
});
