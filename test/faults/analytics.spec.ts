import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportAll, Exporting } from '../../src/analytics/datasets/exporter.js';
import type { Manifest } from '../../src/analytics/datasets/manifest.js';
import { newId } from '../../src/kernel/ids.js';
import { pause, within } from '../../src/kernel/waiting.js';
import { GIFTS, openBusiness, type Business } from '../support/business.js';
import { SECRET } from '../support/donations.js';
import { farOr } from '../support/drills.js';
import { eventually, labEnvironment, spawnLab } from '../support/lab.js';

const MANY = 60_000;
const KILLS = farOr(8, 1);
const NEVER = new AbortController().signal;

let b: Business;
beforeAll(async () => {
  b = await openBusiness({ APP_ROLE: 'api' });
  await b.rows('DELETE FROM donations');
  await b.rows(GIFTS, [b.ids, MANY, 5_003, 420]);
  // What the server had noted of the empty table would make it plan as if that were so.
  await b.rows('ANALYZE donations');
});
afterAll(() => b.close());

const worker = () => {
  const { database, redis } = b.install;
  const env = { APP_ROLE: 'worker', ANALYTICS_DIR: b.folder, PAYMENT_PROVIDER: 'sandbox', SANDBOX_WEBHOOK_SECRET: SECRET };
  return spawnLab(labEnvironment(database.url, redis.url, env));
};
const manifest = () => JSON.parse(readFileSync(join(b.folder, 'manifest.json'), 'utf8')) as Manifest;
const runs = () => (existsSync(join(b.folder, 'runs')) ? readdirSync(join(b.folder, 'runs')) : []);
const children = () => readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
const writers = () => children().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('writer.child'));
const rowsIn = ({ datasets }: Manifest) => datasets.donations!.reduce((sum, { rows }) => sum + rows, 0);

describe('An export that is killed in the middle', () => {
  it('leaves what was there, is done by the next process, and leaves nothing behind', async () => {
    let version: string | undefined;
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Something of each month changes, so that there is enough to be killed in.
      await b.rows(`UPDATE donations SET anonymous = NOT anonymous WHERE abs(hashtext(id::text)) % 97 = $1`, [kill]);
      const first = await worker();
      const known = new Set(runs());
      await b.ask('POST', '/refresh');
      await eventually(
        async () => runs().find((run) => !known.has(run)),
        (run) => run !== undefined && existsSync(join(b.folder, 'runs', run, farOr(kill % 2 ? 'scratch' : 'donations', 'donations'))),
      );
      await first.end('SIGKILL');
      expect(existsSync(join(b.folder, 'manifest.json')) ? manifest().version : undefined).toBe(version);
      const second = await worker();
      const { json } = await eventually(
        () => b.ask('GET', '/datasets'),
        ({ json: now }) => (now.refresh as { state: string }).state === 'done',
      );
      expect(json.version).not.toBe(version ?? null);
      ({ version } = manifest());
      expect(rowsIn(manifest())).toBe(MANY);
      const [truth] = await b.rows<{ anonymous: number; cents: string }>(
        'SELECT count(*) FILTER (WHERE anonymous)::int AS anonymous, sum(amount_cents)::text AS cents FROM donations',
      );
      const { json: read } = await b.query(
        'SELECT count(*) FILTER (WHERE anonymous) AS anonymous, sum(amount_cents)::VARCHAR AS cents FROM donations',
      );
      expect(read.rows).toEqual([truth]);
      const named = new Set(
        [
          ...Object.values(manifest().datasets)
            .flat()
            .flatMap(({ files }) => files),
          ...manifest().retired,
        ].map(({ path }) => path.split('/')[1]),
      );
      expect(runs().filter((run) => !named.has(run) && run !== version)).toEqual([]);
      await second.end();
    }
  });
});

describe('Two exports at once', () => {
  it('are one, and the other is told so', async () => {
    const { url } = b.install.database;
    const all = await Promise.allSettled(Array.from({ length: 3 }, () => exportAll(url, b.folder, newId(), NEVER)));
    const [done, ...refused] = [...all].sort((one, other) => one.status.localeCompare(other.status));
    expect(done?.status).toBe('fulfilled');
    for (const one of refused) expect(one).toMatchObject({ status: 'rejected', reason: expect.any(Exporting) as Exporting });
    expect(rowsIn(manifest())).toBe(MANY);
  });
});

describe('An export that is ended at any moment', () => {
  const itsBackends = `FROM pg_stat_activity WHERE application_name = 'mutirao-analytics' AND datname = current_database()`;
  const ends: [string, (over: AbortController) => unknown][] = [
    ['as nobody wants it any more', (over) => over.abort(new Error('enough'))],
    ['as its connections are cut', () => b.rows(`SELECT pg_terminate_backend(pid) ${itsBackends}`)],
    ['as the one that tells is cut', () => b.rows(`SELECT pg_terminate_backend(pid) ${itsBackends} ORDER BY backend_start LIMIT 1`)],
    ['as the one that adds up is cut', () => b.rows(`SELECT pg_terminate_backend(pid) ${itsBackends} ORDER BY backend_start DESC LIMIT 1`)],
  ];

  beforeAll(() => exportAll(b.install.database.url, b.folder, newId(), NEVER));

  it.each(ends)('%s, leaves neither connection nor process, and what was there before', async (_, end) => {
    for (const ms of farOr([0, 30, 60, 90, 120, 150, 200, 250, 300, 400, 600, 800], [10, 60, 110, 300])) {
      const over = new AbortController();
      await b.rows(`UPDATE donations SET anonymous = random() < 0.5`);
      const known = new Set(runs());
      const work = exportAll(b.install.database.url, b.folder, newId(), over.signal).then(
        () => 'done',
        () => 'ended',
      );
      await eventually(async () => runs().some((run) => !known.has(run)), Boolean);
      await pause(ms);
      await end(over);
      expect(await within(30_000, 'the export', work)).toMatch(/^(done|ended)$/);
      expect(rowsIn(manifest())).toBe(MANY);
      await eventually(
        () => b.rows(`SELECT 1 ${itsBackends}`),
        ({ length }) => length === 0,
      );
      expect(writers()).toEqual([]);
    }
  });
});
