import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBusiness, type Business } from '../support/business.js';

let b: Business;
beforeAll(async () => {
  b = await openBusiness();
  await b.refresh();
});
afterAll(() => b.close());

describe('An answer', () => {
  it('is a file where one is wanted', async () => {
    const ask = (format: string, sql: string) =>
      b.file(`/query?format=${format}`, b.admin, { method: 'POST', body: JSON.stringify({ sql }) });
    const csv = await ask('csv', `SELECT '=1+1' AS a, -5 AS b, 'x;"y' AS c, NULL AS d, DATE '2026-01-02' AS e`);
    expect([csv.status, csv.headers.get('content-type'), csv.headers.get('content-disposition')]).toEqual([
      200,
      'text/csv; charset=utf-8',
      'attachment; filename="query.csv"',
    ]);
    expect(await csv.text()).toBe(`a,b,c,d,e\n'=1+1,-5,"x;""y",,2026-01-02\n`);
    expect(await (await ask('csv', `SELECT 1 AS "=1+1"`)).text()).toBe(`'=1+1\n1\n`);
    const lines = (await (await ask('jsonl', 'SELECT * FROM range(200000) AS t(n)')).text()).trimEnd().split('\n');
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([200_000, '{"n":0}', '{"n":199999}']);
    const parquet = Buffer.from(await (await ask('parquet', 'SELECT range AS n FROM range(5000) ORDER BY n DESC;')).arrayBuffer());
    expect([parquet.subarray(0, 4).toString(), parquet.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1']);
    const picture = await ask('svg', 'SELECT status, count(*) AS gifts FROM donations GROUP BY status ORDER BY gifts DESC');
    expect(picture.headers.get('content-type')).toBe('image/svg+xml; charset=utf-8');
    expect(await picture.text()).toMatch(/^<svg [^]*confirmed[^]*<\/svg>$/);
    const tenLines = await ask(
      'svg',
      `SELECT DATE '2026-01-01' + (range // 10)::INTEGER AS day, 's' || range % 10 AS name, range AS n FROM range(100)`,
    );
    expect(await tenLines.text()).toContain('>80 / 100<');
    const cut = await ask('svg', `SELECT concat('n', range) AS name, range AS n FROM range(20000)`);
    expect([cut.headers.get('x-truncated'), tenLines.headers.get('x-truncated')]).toEqual(['true', 'false']);
    expect(await cut.text()).toContain('>40 / 10000+<');
    for (const format of ['csv', 'jsonl', 'parquet', 'svg']) expect((await ask(format, 'DROP TABLE donations')).status).toBe(422);
    expect(await (await ask('svg', 'SELECT 1 AS one')).text()).toMatch(/^<svg [^]*one: 1[^]*<\/svg>$/);
    expect(await (await ask('svg', 'SELECT 1 AS one LIMIT 0')).text()).toMatch(/^<svg [^]*–[^]*<\/svg>$/);
    expect((await ask('exe', 'SELECT 1')).status).toBe(422);
  });

  it.each([
    ['csv', 1_000_010],
    ['jsonl', 1_000_010],
    ['parquet', 1_000_010],
    ['csv', 1_000_000],
  ])('says in %s whether all of its rows are in it: %i', async (format, many) => {
    const body = JSON.stringify({ sql: `SELECT range AS n FROM range(${many})` });
    const answer = await b.file(`/query?format=${format}`, b.admin, { method: 'POST', body });
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([answer.status, answer.headers.get('x-truncated')]).toEqual([200, String(many > 1_000_000)]);
    expect(answer.headers.get('content-length')).toBe(String(bytes.length));
    if (format !== 'parquet') expect(bytes.toString().trimEnd().split('\n').length).toBe(1_000_000 + Number(format === 'csv'));
  });

  // Read while they run, these would end in the middle as if that were all.
  const breaking = `SELECT CASE WHEN range < 9500 THEN 1 ELSE CAST(concat('x', range) AS INTEGER) END AS n FROM range(9900)`;
  const endless = `SELECT range AS n FROM range(300000) UNION ALL SELECT a.amount_cents FROM donations a, donations b, donations c
    WHERE a.amount_cents * b.amount_cents + c.amount_cents = -1`;
  it.each([
    ['fails', breaking, /Could not convert string 'x9500'|Conversion/],
    ['takes too long', endless, /longer than 10 s/],
  ])('that %s in the middle is refused in every format, and never told as if it were whole', async (_, sql, why) => {
    for (const format of sql === endless ? ['csv'] : ['json', 'csv', 'jsonl', 'parquet']) {
      const answer = await b.file(`/query?format=${format}`, b.admin, { method: 'POST', body: JSON.stringify({ sql }) });
      const told = (await answer.json()) as { code: string; detail: string };
      expect([format, answer.status, told.code]).toEqual([format, 422, 'sql_refused']);
      expect(told.detail).toMatch(why);
    }
  });

  it('has whole numbers in Parquet as whole numbers, with or without a semicolon and a comment', async () => {
    const sql = 'SELECT sum(amount_cents) AS cents FROM donations;; -- all of them';
    const answer = await b.file('/query?format=parquet', b.admin, { method: 'POST', body: JSON.stringify({ sql }) });
    const path = join(b.folder, `${b.unique()}.parquet`);
    await writeFile(path, Buffer.from(await answer.arrayBuffer()));
    const duck = await (await DuckDBInstance.create()).connect();
    const told = await duck.runAndReadAll(`SELECT typeof(cents), cents FROM '${path}'`);
    const [truth] = await b.rows<{ cents: string }>('SELECT sum(amount_cents)::text AS cents FROM donations');
    expect(told.getRows()).toEqual([['BIGINT', BigInt(truth!.cents)]]);
  });

  it('in words becomes a file, too, which is kept in its session with its statement; and none where nothing is to be run', async () => {
    const ask = (path: string, question: string, more: object = {}) =>
      b.file(`/ask${path}`, b.admin, { method: 'POST', body: JSON.stringify({ question, ...more }) });
    const first = await ask('?format=csv', 'Quanto arrecadamos por cartão em 2026?');
    const [sessionId, sql] = [first.headers.get('x-session-id'), decodeURIComponent(first.headers.get('x-sql') ?? '')];
    expect([first.status, sql]).toEqual([200, expect.stringMatching(/card/)]);
    expect((await first.text()).split('\n')).toHaveLength(3);
    const { questions } = (await b.ask('GET', `/sessions/${sessionId}`)).json as { questions: { sql: string }[] };
    expect(questions.map((one) => one.sql)).toEqual([sql]);
    const next = (await b.ask('POST', '/ask', { question: 'e por mês?', sessionId })).json;
    expect(next.sql).toMatch(/card/);
    const dry = await ask('?format=csv', 'Quanto arrecadamos por cartão em 2026?', { dryRun: true });
    expect([dry.status, ((await dry.json()) as { code: string }).code]).toEqual([422, 'validation_failed']);
  });

  it('is left alone by whoever takes its file slowly: others are answered meanwhile', async () => {
    const body = JSON.stringify({ sql: `SELECT '${'x'.repeat(100)}' AS text FROM range(200000)` });
    const slow = await Promise.all([1, 2, 3, 4].map(() => b.file('/query?format=csv', b.admin, { method: 'POST', body })));
    const readers = slow.map((answer) => answer.body!.getReader());
    for (const reader of readers) await reader.read();
    expect((await b.query('SELECT 45 AS n')).json.rows).toEqual([{ n: 45 }]);
    for (const reader of readers) for (let more = true; more;) more = !(await reader.read()).done;
  });
});
