import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { ADD } from '../../src/campaigns/donations/pledges.store.js';
import { statementOf } from '../../src/campaigns/payments/payments.store.js';
import { spawnLab } from '../support/lab.js';
import { Connection } from './connection.js';
import { givingEnv } from './donations.js';
import { median, type Figure } from './figures.js';
import { addCampaigns, confirm, pledge } from './givers.js';

const run = promisify(execFile);
const CLIENTS = 64;
const SPREAD = 1_000;
const SECONDS = 6;
const TURNS = 5;
const LEAST_OF_SPREAD = 0.85;
const LEAST_OF_PGBENCH = 0.4;

/** Gifts given and confirmed in a second, by so many clients, over HTTP. */
async function giftsPerSecond(urls: readonly string[], campaigns: readonly string[]): Promise<number> {
  const connections = await Promise.all(Array.from({ length: CLIENTS }, (_, n) => Connection.to(urls[n % urls.length] ?? '')));
  let gifts = 0;
  const last = performance.now() + SECONDS * 1_000;
  await Promise.all(
    connections.map(async (connection, n) => {
      for (let at = n; performance.now() < last; at += CLIENTS) {
        await confirm(connection, await pledge(connection, campaigns[at % campaigns.length] ?? ''));
        gifts += 1;
      }
      connection.close();
    }),
  );
  return gifts / SECONDS;
}

/** One campaign of which everybody speaks, beside a thousand; and both beside the database alone. */
export async function hotCampaign(env: Record<string, string | undefined>): Promise<Figure[]> {
  const databaseUrl = env.DATABASE_URL ?? '';
  const campaigns = await addCampaigns(databaseUrl, SPREAD);
  const own = await Promise.all([1, 2].map(() => spawnLab(givingEnv({ ...env, WORKERS: '2' }), { silent: true })));
  const urls = own.map(({ url }) => url);
  await giftsPerSecond(urls, campaigns);
  const turns: { spread: number; hot: number; alone: number }[] = [];
  for (let turn = 0; turn < TURNS; turn += 1)
    turns.push({
      spread: await giftsPerSecond(urls, campaigns),
      hot: await giftsPerSecond(urls, campaigns.slice(0, 1)),
      alone: await byPgbench(databaseUrl, campaigns.slice(0, 1)),
    });
  await Promise.all(own.map(({ end }) => end()));
  const [hot, spread, alone] = (['hot', 'spread', 'alone'] as const).map((name) => median(turns.map((turn) => turn[name]))) as [
    number,
    number,
    number,
  ];
  const ofSpread = median(turns.map((turn) => turn.hot / turn.spread));
  const ofAlone = median(turns.map((turn) => turn.hot / turn.alone));
  return [
    {
      what: `${CLIENTS} clients give and confirm on one campaign, against ${SPREAD} campaigns`,
      measured: `${(ofSpread * 100).toFixed(0)} % (${hot.toFixed(0)} against ${spread.toFixed(0)} gifts a second)`,
      promise: `at least ${LEAST_OF_SPREAD * 100} %`,
      met: ofSpread >= LEAST_OF_SPREAD,
    },
    Number.isNaN(alone)
      ? { what: 'the same against pgbench', measured: 'pgbench is not on this machine', promise: 'told', met: true }
      : {
          what: 'the same over HTTP, against pgbench with the same statements',
          measured: `${(ofAlone * 100).toFixed(0)} % (${hot.toFixed(0)} against ${alone.toFixed(0)} gifts a second)`,
          promise: `at least ${LEAST_OF_PGBENCH * 100} %`,
          met: ofAlone >= LEAST_OF_PGBENCH,
        },
  ];
}

/** Debian puts it beside each server's own programs. */
function pgbench(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  return versions.map((version) => `/usr/lib/postgresql/${version}/bin/pgbench`).find((path) => existsSync(path));
}

async function byPgbench(databaseUrl: string, campaigns: readonly string[]): Promise<number> {
  const program = pgbench();
  if (program === undefined) return Number.NaN;
  const folder = mkdtempSync(join(tmpdir(), 'mutirao-pgbench-'));
  const script = join(folder, 'gift.sql');
  writeFileSync(script, statements(campaigns[0] ?? ''));
  try {
    const { stdout } = await run(program, [
      '-n',
      '-M',
      'prepared',
      '-c',
      String(CLIENTS),
      '-j',
      '2',
      '-T',
      String(SECONDS),
      '-f',
      script,
      databaseUrl,
    ]);
    return Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
  } finally {
    rmSync(folder, { recursive: true });
    const db = new pg.Client({ connectionString: databaseUrl });
    await db.connect();
    // Else whoever measures next would roll up what pgbench gave.
    await db.query('DELETE FROM campaign_tail');
    await db.end();
  }
}

/** The product's own two statements, with values where it has parameters. */
function statements(campaignId: string): string {
  const pledged = filled(ADD.text, [
    ...[
      'uuid_send(uuidv7())',
      'uuid_send(uuidv7())',
      'uuidv7()',
      `'${'x'.repeat(300)}'::text`,
      `'${campaignId}'::uuid`,
      'NULL::uuid',
      'uuidv7()',
    ],
    ...[
      `'Bruno Lima'`,
      `uuidv7() || '@example.org'`,
      'NULL',
      'false',
      'false',
      'NULL',
      '5000',
      `'sandbox'`,
      `'card'`,
      `'${'x'.repeat(150)}'`,
    ],
    `now() + interval '1 hour'`,
  ]).replace(/\) SELECT FROM answer$/, ' RETURNING id) SELECT id FROM gift');
  const paid = filled(statementOf('new', 'paid').text, [`'sandbox'`, ':id::text', ':id::uuid', `'paid'`, '5000', `'sandbox'`, 'uuidv7()']);
  return `${oneLine(pledged)} \\gset\n${oneLine(paid)};\n`;
}

const filled = (text: string, values: readonly string[]) => text.replaceAll(/\$(\d+)/g, (_, n: string) => values[Number(n) - 1] ?? 'NULL');
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');
