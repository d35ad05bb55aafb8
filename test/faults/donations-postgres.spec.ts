import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import { migrate } from '../../src/database/migrate.js';
import { pause } from '../../src/kernel/waiting.js';
import { newId } from '../../src/kernel/ids.js';
import { createLog } from '../../src/observability/log.js';
import { schema } from '../../src/schema.js';
import { farOr } from '../support/drills.js';
import { startEngines } from '../support/engines.js';
import { signalTree } from '../support/freeze.js';
import { judge } from '../support/gifts.judge.js';
import { giveOnce, Journal, whileGiving } from '../support/gifts.js';
import { openSite, type Site } from '../support/gifts.site.js';
import { eventually, labEnvironment } from '../support/lab.js';
import { whileReading } from '../support/sums.js';

/** After it is back: for connections to be made, and for whoever stood in line. */
const WELL_AGAIN_MS = 8_000;

let engines: Awaited<ReturnType<typeof startEngines>>;
let site: Site;
let journal: Journal;

beforeAll(async () => {
  engines = await startEngines({ durable: true });
  const { databaseUrl, redisUrl } = engines;
  await migrate(readConfig(labEnvironment(databaseUrl, redisUrl)), schema, createLog({ LOG_LEVEL: 'warn', DEBUG: false }, 'tests'));
  site = await openSite({ databaseUrl, redisUrl, rows: engines.rows });
});
beforeEach(async () => {
  journal = new Journal(await site.campaign());
});
afterAll(async () => {
  await site.close();
  await engines.stop();
});

const goneOn = async (gifts: number, ms?: number) => {
  const before = journal.acknowledged;
  await eventually(
    async () => journal.acknowledged,
    (many) => many >= before + gifts,
    ms,
  );
};

async function through(fault: () => Promise<void>) {
  const seen = await whileReading(site, journal, () =>
    whileGiving(site, journal, 6, async () => {
      await goneOn(30);
      await fault();
      await goneOn(6, WELL_AGAIN_MS);
      await goneOn(30);
    }),
  );
  expect(seen.wrong).toEqual([]);
  expect(journal.broken).toBe(0);
  expect(journal.refused.dependency_down).toBeGreaterThan(0);
  await giveOnce(site, journal);
  await judge(site, journal);
}

describe('PostgreSQL', () => {
  it('frozen: everyone is refused in time, and gives when it thaws', async () => {
    await through(async () => {
      signalTree(engines.postgresPid!, 'SIGSTOP');
      // Past the twelve seconds for which a statement is waited for.
      await pause(14_000);
      signalTree(engines.postgresPid!, 'SIGCONT');
    });
  });

  it('killed: what was acknowledged is there when it is back, and nothing twice', async () => {
    await through(async () => {
      for (let kill = 0; kill < farOr(2, 1); kill += 1) {
        signalTree(engines.postgresPid!, 'SIGKILL');
        await eventually(
          () => engines.rows('SELECT 1').catch(() => []),
          (answer) => answer.length === 1,
        );
        await goneOn(6, WELL_AGAIN_MS);
      }
    });
  });
});

describe('A gift that nobody could look for', () => {
  const raised = async () => {
    const answer = await site.send(0, 'GET', `/campaigns/${journal.campaignId}`);
    return [answer?.json.raisedCents, answer?.headers.get('cache-status')?.includes('hit')];
  };

  it('is in the sum all the same', async () => {
    await eventually(raised, ([, isHit]) => isHit === true);
    const holder = new pg.Client({ connectionString: engines.databaseUrl });
    await holder.connect();
    // What is looked for waits for this; what is read does not.
    await holder.query('BEGIN; LOCK TABLE payment_events IN ACCESS EXCLUSIVE MODE');
    const gift = [newId(), journal.campaignId, newId()];
    await engines.rows('INSERT INTO campaign_tail (id, campaign_id, donation_id, cents, donors) VALUES ($1, $2, $3, 4200, 1)', gift);
    await eventually(raised, ([cents]) => cents === 4200, 10_000);
    await engines.rows('DELETE FROM campaign_tail WHERE id = $1', [gift[0]]);
    await holder.end();
  });
});
