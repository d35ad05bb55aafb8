import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/analytics/datasets/manifest.js';
import { attacks, scorecard, type Attack } from '../support/attacks.js';
import { openBusiness, type Business } from '../support/business.js';
import { farOr } from '../support/drills.js';

let b: Business;
let listening: Server;
let heard = 0;
beforeAll(async () => {
  b = await openBusiness({ ANALYTICS_PROCESSES: '4', ANALYTICS_MEMORY_MB: '256' });
  await b.refresh();
  listening = createServer((socket) => {
    heard += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
});
afterAll(async () => {
  listening.close();
  await b.close();
});

/** Every file below the folder, with what is in it. */
async function contents(): Promise<string[]> {
  const entries = await readdir(b.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.sort().map(
      async (file) =>
        `${file} ${createHash('sha256')
          .update(await readFile(file))
          .digest('hex')}`,
    ),
  );
}

describe('Sixty statements that mean harm', () => {
  it('are all refused, and change nothing', async () => {
    const { datasets } = JSON.parse(await readFile(join(b.folder, 'manifest.json'), 'utf8')) as Manifest;
    const parquet = join(b.folder, datasets.donations![0]!.files[0]!.path);
    const { port } = listening.address() as AddressInfo;
    const all = attacks({ parquet, folder: b.folder, port });
    expect(all.length).toBeGreaterThanOrEqual(60);
    const before = await contents();
    // Which of the two bounds comes first is the machine's affair.
    const bounded = /^It takes (longer than 10 s|more memory than a question may have)\./;
    const judged: (Attack & { verdict: string })[] = [];
    const shown = (text: string) =>
      text.replaceAll(parquet, 'DATA.parquet').replaceAll(b.folder, 'FOLDER').replaceAll(String(port), 'PORT');
    const judge = async (attack: Attack) => {
      const { status, json } = await b.query(attack.sql);
      const shown = (text: string) =>
        text.replaceAll(parquet, 'DATA.parquet').replaceAll(b.folder, 'FOLDER').replaceAll(String(port), 'PORT');
      expect([attack.sql, status, json.code]).toEqual([attack.sql, 422, 'sql_refused']);
      judged.push({
        aim: attack.aim,
        sql: shown(attack.sql),
        verdict: shown(String(json.detail).replace(bounded, 'It takes too long or too much.')),
      });
    };
    const isSlow = ({ aim }: Attack) => aim === 'endless' || aim === 'huge';
    for (const attack of all.filter((one) => !isSlow(one))) await judge(attack);
    const slow = all.filter(isSlow);
    for (let from = 0; from < slow.length; from += 5) await Promise.all(slow.slice(from, from + 5).map(judge));

    expect(await contents()).toEqual(before);
    expect(heard).toBe(0);
    expect((await b.query('SELECT count(*) AS gifts FROM donations')).json.rows).toEqual([{ gifts: 3_000 }]);
    const inOrder = all.map(({ sql }) => judged.find((one) => one.sql === shown(sql))!);
    await expect(scorecard(inOrder)).toMatchFileSnapshot('../../docs/analytics-attacks.md');
  });

  it('are refused in whatever order their words come', async () => {
    const before = await contents();
    const words =
      `SELECT FROM donations campaigns store.donations read_text('/etc/passwd') glob('/*') '/etc/passwd' "x" ; COPY TO '/tmp/x' UNION ALL ( ) * 1 WITH a AS ,
      WHERE -- /* */ ' $1 LATERAL PIVOT UNPIVOT DESCRIBE SUMMARIZE SHOW TABLES EXPLAIN ANALYZE VALUES getenv('HOME') ORDER BY LIMIT count(*) FILTER OVER [ ] { } -> :: ? SET`.split(
        /\s+/,
      );
    const statement = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 14 }).map((chosen) => chosen.join(' '));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('', 'SELECT * FROM ', 'SELECT ', 'WITH a AS (SELECT 1) SELECT * FROM '),
        statement,
        async (start, rest) => {
          const { status, text } = await b.query(start + rest);
          expect([status === 200 || status === 422, text.includes('root:'), text.includes('parquet')]).toEqual([true, false, false]);
        },
      ),
      { numRuns: farOr(3_000, 300) },
    );
    expect(await contents()).toEqual(before);
  });

  it('leave ordinary questions alone', async () => {
    const fine = [
      'SELECT 1 AS one;',
      '-- what was given\nSELECT sum(amount_cents) FROM donations',
      `WITH paid AS (SELECT * FROM donations WHERE status = 'confirmed'), by_day AS (SELECT confirmed_day, count(*) AS n FROM paid GROUP BY ALL) SELECT max(n) FROM by_day`,
      `SELECT method, CASE WHEN amount_cents > 100 THEN 'much' ELSE 'little' END AS size, count(*) FILTER (WHERE anonymous) FROM donations GROUP BY ALL ORDER BY ALL`,
      `SELECT date_trunc('month', confirmed_day) AS month, sum(amount_cents) / 100.0 AS reais FROM donations WHERE confirmed_day >= current_date - INTERVAL 90 DAY GROUP BY 1`,
      `SELECT c.title, rank() OVER (ORDER BY sum(d.amount_cents) DESC) AS place FROM campaigns c LEFT JOIN donations d ON d.campaign_id = c.id GROUP BY c.title QUALIFY place <= 3`,
      `SELECT extract(dow FROM confirmed_day) AS weekday, count(DISTINCT donor) FROM donations GROUP BY 1 HAVING count(*) > 1`,
      `SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, letter) WHERE letter LIKE 'a%' OR n BETWEEN 2 AND 3 OR n IN (SELECT 2)`,
      `SELECT status FROM donations UNION SELECT status FROM messages EXCEPT SELECT status FROM campaigns ORDER BY 1`,
      `SELECT quantile_cont(amount_cents, 0.5), median(amount_cents), round(stddev(amount_cents), 2), cast(avg(amount_cents) AS BIGINT) FROM donations`,
      `SELECT strftime(day, '%d/%m/%Y') AS day, model, sum(tokens) FROM ai_usage WHERE model ILIKE 'GPT%' GROUP BY ALL LIMIT 5 OFFSET 1`,
      `SELECT EXISTS (SELECT 1 FROM messages WHERE error_code IS NOT NULL) AS some, coalesce(nullif(trim(' x '), ''), '-') AS text, 7 // 2 AS half, -5 % 3 AS rest`,
    ];
    for (const sql of fine) expect([sql, (await b.query(sql)).text]).toEqual([sql, expect.stringContaining('"rowCount"')]);
  });
});
