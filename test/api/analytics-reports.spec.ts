import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportNames } from '../../src/analytics/reports/reports.js';
import { plusDays, todayAt } from '../../src/analytics/reports/days.js';
import { openBusiness, TITLES, type Business } from '../support/business.js';
import { plainRows, truths } from '../support/business.truth.js';
import { codesOf, type Session } from '../support/people.js';

const today = todayAt(Date.now());
const from = plusDays(today, -200);
const period = `from=${from}&to=${today}`;

let b: Business;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'mutirao-reports-'));
  b = await openBusiness();
  await b.refresh();
});
afterAll(async () => {
  await b.close();
  await rm(scratch, { recursive: true, force: true });
});

const report = (name: string, query = period, as: Session | undefined = b.admin) =>
  b.ask('GET', `/reports/${name}?${query}`, undefined, as);
const truth = async (name: (typeof reportNames)[number], owner: string | null = null) =>
  plainRows(await b.rows(truths[name], [from, today, owner]));

describe('Ready reports', () => {
  it('are refused to whom they are not for', async () => {
    for (const path of ['/reports', '/reports/funnel']) {
      expect(codesOf(await b.send('GET', `/analytics${path}`))).toEqual([401, 'unauthenticated']);
      expect(codesOf(await b.ask('GET', path, undefined, b.donor))).toEqual([403, 'forbidden']);
    }
    expect(codesOf(await report('ai-spend', period, b.ana))).toEqual([403, 'forbidden']);
    expect(codesOf(await report('toString'))).toEqual([404, 'not_found']);
    for (const query of [
      'from=yesterday',
      'from=2026-02-30',
      'from=2026-03-02&to=2026-03-01',
      'from=1990-01-01&to=2026-01-01',
      'format=xlsx',
      "from=2026-01-01'--",
      'to=0000-01-10',
      'from=1999-12-31',
      'from=2000-01-01',
    ])
      expect([query, ...codesOf(await report('funnel', query))]).toEqual([query, 422, 'validation_failed']);
  });

  it('are listed to whom they are for', async () => {
    const namesFor = async (as: Session) =>
      ((await b.ask('GET', '/reports', undefined, as)).json.items as { name: string }[]).map(({ name }) => name);
    expect(await namesFor(b.admin)).toEqual(reportNames);
    expect(await namesFor(b.ana)).toEqual(reportNames.filter((name) => name !== 'ai-spend'));
  });

  it.each(reportNames)('%s agrees with PostgreSQL to the cent', async (name) => {
    const { status, json } = await report(name);
    expect([status, json.from, json.to, json.currency, json.truncated]).toEqual([
      200,
      from,
      today,
      name === 'ai-spend' ? 'USD' : 'BRL',
      false,
    ]);
    const wanted = await truth(name);
    expect(wanted.length).toBeGreaterThan(2);
    expect(json.rows).toEqual(wanted);
    expect(json.rowCount).toBe(wanted.length);
  });

  it.each(reportNames.filter((name) => name !== 'ai-spend'))('%s tells an organizer of his own campaigns only', async (name) => {
    for (const as of [b.ana, b.eva]) {
      const { json } = await report(name, period, as);
      expect(json.rows).toEqual(await truth(name, as.user.id));
    }
    const foreign = await b.people.person({ role: 'organizer' });
    const { json } = await report(name, period, foreign);
    expect((json.rows as Record<string, unknown>[]).every((row) => (row.gifts ?? 0) === 0)).toBe(true);
  });

  it('count a giver once in any period, however often he gave in it or before', async () => {
    for (const [first, last] of [
      [-400, -300],
      [-90, -90],
      [-60, -31],
      [-7, 0],
    ].map((ends) => ends.map((days) => plusDays(today, days))))
      for (const name of ['donations-by-day', 'donations-by-campaign'] as const)
        for (const as of [b.admin, b.ana]) {
          const owner = as === b.admin ? null : as.user.id;
          const { json } = await report(name, `from=${first}&to=${last}`, as);
          expect(json.rows).toEqual(plainRows(await b.rows(truths[name], [first, last, owner])));
        }
  });

  it('count givers from a table that holds nobody, so that no period takes more memory than another', async () => {
    const { json } = await b.query(`SELECT * FROM confirmed_gifts LIMIT 1`);
    expect((json.columns as { name: string }[]).map(({ name }) => name)).toEqual([
      'campaign_id',
      'confirmed_day',
      'gave_before',
      'amount_cents',
    ]);
  });

  it('mean the last thirty days where none are told', async () => {
    const { json } = await report('donations-by-day', '');
    expect([json.from, json.to]).toEqual([plusDays(today, -29), today]);
  });

  it('come as CSV, lines of JSON and Parquet with the same rows', async () => {
    const rows = (await report('donations-by-campaign')).json.rows as Record<string, unknown>[];
    const file = async (format: string) => b.file(`/reports/donations-by-campaign?${period}&format=${format}`);
    const csv = (await (await file('csv')).text()).trimEnd().split('\n');
    expect(csv).toEqual([Object.keys(rows[0]!).join(','), ...rows.map((row) => Object.values(row).join(','))]);
    const lines = (await (await file('jsonl')).text()).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(rows);
    const parquet = await file('parquet');
    expect(parquet.headers.get('content-disposition')).toBe(`attachment; filename="donations-by-campaign-${from}-${today}.parquet"`);
    await writeFile(join(scratch, 'report.parquet'), Buffer.from(await parquet.arrayBuffer()));
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const read = await connection.runAndReadAll(`SELECT * FROM '${join(scratch, 'report.parquet')}'`);
    expect(plainRows(read.getRowObjectsJson())).toEqual(rows);
  });

  it('have a picture, and the same as Vega-Lite', async () => {
    const { chart } = (await report('donations-by-campaign')).json as { chart: { spec: Record<string, unknown>; svg: string } };
    expect(chart.spec).toMatchObject({
      $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
      mark: { type: 'bar' },
      encoding: { y: { field: 'x', type: 'nominal' }, x: { field: 'y', type: 'quantitative' } },
    });
    for (const title of [...TITLES.ana, ...TITLES.eva]) expect(chart.svg).toContain(title);
    // What is written towards the left begins within the picture.
    for (const { svg: picture } of [chart, { svg: await (await b.file(`/reports/donations-by-day?${period}&format=svg`)).text() }]) {
      const labels = [...picture.matchAll(/<text x="([\d.]+)" y="[\d.]+" text-anchor="end">([^<]*)</g)];
      expect(labels.length).toBeGreaterThan(3);
      for (const [, x, words] of labels) expect(Number(x) - 6.5 * words!.length, words).toBeGreaterThan(0);
    }
    const svg = await b.file(`/reports/donations-by-day?${period}&format=svg`);
    const text = await svg.text();
    expect([svg.headers.get('content-type'), svg.headers.get('content-security-policy')]).toEqual([
      'image/svg+xml; charset=utf-8',
      expect.stringContaining("default-src 'none'"),
    ]);
    expect(text).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^]*<polyline points="[\d., -]+"[^]*<\/svg>$/);
  });

  it.each(reportNames)('%s has a picture of any period, with many rows, one or none', async (name) => {
    for (const [first, last] of [
      ['2025-01-01', today],
      [today, today],
      ['2031-01-01', '2031-01-02'],
    ]) {
      const svg = await b.file(`/reports/${name}?from=${first}&to=${last}&format=svg`);
      expect([name, first, svg.status]).toEqual([name, first, 200]);
      expect(await svg.text()).toMatch(/^<svg [^]*<\/svg>$/);
    }
  });

  it.each([
    ['days that nobody knows', `SELECT confirmed_day AS day, count(*) AS gifts FROM donations GROUP BY ALL`],
    [
      'rows in no order',
      `SELECT confirmed_day AS day, count(*) AS gifts FROM donations WHERE confirmed_day IS NOT NULL GROUP BY ALL ORDER BY 2 DESC`,
    ],
    [
      'days beyond all time',
      `SELECT DATE 'infinity' AS day, 1 AS n UNION ALL SELECT DATE '2026-01-01' + range::INTEGER, range FROM range(9)`,
    ],
  ])('are drawn from left to right, whatever their rows are: %s', async (_, sql) => {
    const { svg, spec } = (await b.query(sql)).json.chart as { svg: string; spec: { data: { values: { x: string }[] } } };
    const along = /polyline points="([^"]+)"/
      .exec(svg)![1]!
      .split(' ')
      .map((point) => Number(point.split(',')[0]));
    expect([Math.min(...along) < 100, Math.max(...along)]).toEqual([true, 696]);
    expect(along).toEqual([...along].sort((one, other) => one - other));
    expect(spec.data.values.every(({ x }) => /^\d{4}-/.test(x))).toBe(true);
  });

  it('have a bar for each row, also where two are called the same', async () => {
    const barsOf = async (sql: string) =>
      ((await b.query(sql)).json.chart as { spec: { data: { values: { x: string; y: number }[] } } }).spec.data.values;
    const same = `FROM (VALUES ('a', 'Sopa', 100), ('b', 'Sopa', 300)) AS t(campaign_id, title, amount_cents)`;
    expect(await barsOf(`SELECT * ${same}`)).toEqual([
      { x: 'Sopa', y: 1 },
      { x: 'Sopa (2)', y: 3 },
    ]);
    const crowd = await barsOf(`SELECT concat('m', range % 2) AS method, concat('c', range) AS campaign, range AS gifts FROM range(20)`);
    expect(new Set(crowd.map(({ x }) => x)).size).toBe(20);
    expect(await barsOf('SELECT isodow(created_day) AS weekday, count(*) AS gifts FROM donations GROUP BY 1 ORDER BY 1')).toHaveLength(7);
  });

  it('show titles as words, never as something that runs', async () => {
    const title = '<script>alert(1)</script>"&\u{1F600}';
    await b.rows(`UPDATE campaigns SET title = $2 WHERE id = $1`, [b.ids[0], title]);
    await b.refresh();
    const { chart, rows } = (await report('donations-by-campaign')).json as { chart: { svg: string }; rows: { title: string }[] };
    expect(rows.map((row) => row.title)).toContain(title);
    expect(chart.svg).not.toContain('<script');
    expect(chart.svg).toContain('&lt;script&gt;');
  });
});
