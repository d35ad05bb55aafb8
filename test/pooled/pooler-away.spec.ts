import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/database/migrate.js';
import { schema } from '../../src/schema.js';
import { openApp } from '../support/app.js';
import { databaseConfig } from '../support/database.js';
import { EdgeModule } from '../support/edge.module.js';
import { startEngines } from '../support/engines.js';
import { signalTree } from '../support/freeze.js';
import { freshRedis } from '../support/fresh.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { LabModule } from '../support/lab.module.js';
import { startPgbouncer } from '../support/pgbouncer.js';
import { recordedLog } from '../support/recorded-log.js';
import { toolOf } from '../support/tool-of.js';

let engines: Awaited<ReturnType<typeof startEngines>>;
let redis: Awaited<ReturnType<typeof freshRedis>>;
let pooler: Awaited<ReturnType<typeof startPgbouncer>>;
let system: Awaited<ReturnType<typeof openApp>>;
beforeAll(async () => {
  [engines, redis] = await Promise.all([startEngines({ redis: false }), freshRedis()]);
  await migrate(databaseConfig(engines.databaseUrl), schema, recordedLog().log);
  pooler = await startPgbouncer(toolOf('pgbouncer'), engines.databaseUrl);
  const through = new URL(pooler.url);
  through.pathname = new URL(engines.databaseUrl).pathname;
  system = await openApp(
    labEnvironment(engines.databaseUrl, redis.url, {
      APP_ROLE: 'api',
      PG_STATEMENT_TIMEOUT_MS: '1000',
      DATABASE_URL: through.href,
      DATABASE_DIRECT_URL: engines.databaseUrl,
    }),
    [LabModule, EdgeModule],
  );
});
afterAll(async () => {
  await system.app.close();
  await pooler.stop();
  await Promise.all([engines.stop(), redis.stop()]);
});

const read = () => system.ask('/edge/sql?ask=SELECT+1');
const write = () => system.ask('/lab/jobs?job=lab.note&payload={"n":1}', { method: 'POST' });

/** What was answered while it was away and came back: nobody is told of a fault of ours. */
async function asked(isAway: (statuses: number[]) => boolean, comeBack: () => void) {
  const seen = new Set<string>();
  const both = async () => {
    const answers = await Promise.all([read(), write()]);
    for (const { status, json, headers } of answers)
      seen.add(status < 300 ? 'served' : `${status} ${String(json.code)} ${headers.get('retry-after')}`);
    return answers.map(({ status }) => status);
  };
  await eventually(both, isAway);
  comeBack();
  await eventually(both, ([first, second]) => first === 200 && second === 201);
  const others = ['503 overloaded 5', '503 dependency_down 5', 'served'];
  expect([...seen].filter((each) => !others.includes(each))).toEqual([]);
}

describe('Where the way to the database', () => {
  it('stands still, all is refused in time and served when it goes on', () => {
    pooler.signal('SIGSTOP');
    return asked(
      (statuses) => statuses.includes(503),
      () => pooler.signal('SIGCONT'),
    );
  });

  it('leads to a server that was killed, whoever comes waits for the next or is told to come again', () => {
    const killed = engines.postgresPid!;
    signalTree(killed, 'SIGKILL');
    return asked(
      () => engines.postgresPid !== undefined && engines.postgresPid !== killed,
      () => undefined,
    );
  });
});
