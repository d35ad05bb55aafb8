import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Connection } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CopyOut } from '../../src/analytics/datasets/copy-out.js';
import { connectionFor } from '../../src/analytics/datasets/snapshot.js';
import { writeParquet } from '../../src/analytics/datasets/writer.js';
import type { Manifest } from '../../src/analytics/datasets/manifest.js';
import { openBusiness, type Business } from '../support/business.js';
import { eventually } from '../support/lab.js';
import { codesOf } from '../support/people.js';

let b: Business;
beforeAll(async () => {
  b = await openBusiness();
});
afterAll(() => b.close());

const manifest = async () => JSON.parse(await readFile(join(b.folder, 'manifest.json'), 'utf8')) as Manifest;
const datasets = async () =>
  (await b.ask('GET', '/datasets')).json as {
    version: string | null;
    items: { name: string; rows: number; bytes: number; columns: { name: string }[] }[];
    ageSeconds: number;
  };

const health = async () => {
  const { details } = (await (await fetch(`${b.url}/health`)).json()) as { details: Record<string, Record<string, unknown>> };
  return details.analytics;
};

describe('What is exported', () => {
  it('is for admins alone', async () => {
    for (const [method, path] of [
      ['GET', '/datasets'],
      ['POST', '/refresh'],
    ] as const) {
      expect(codesOf(await b.send(method, `/analytics${path}`))).toEqual([401, 'unauthenticated']);
      expect(codesOf(await b.ask(method, path, undefined, b.ana))).toEqual([403, 'forbidden']);
      expect(codesOf(await b.ask(method, path, undefined, b.donor))).toEqual([403, 'forbidden']);
    }
  });

  it('is told to be nothing before anything is, and is then refused for now', async () => {
    expect(await datasets()).toMatchObject({
      version: null,
      ageSeconds: null,
      items: Array.from({ length: 8 }, () => ({ rows: 0 })),
    });
    const refused = await b.query('SELECT 1');
    expect(codesOf(refused)).toEqual([503, 'dependency_down']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('has all rows of the moment, and no person', async () => {
    expect(await b.refresh()).toMatchObject({ state: 'done', finding: { rows: 3_000 + 800 + 900 + 6 } });
    const { items } = await datasets();
    const [paid] = await b.rows<{ gifts: number }>(`SELECT count(*)::int AS gifts FROM donations WHERE status = 'confirmed'`);
    expect(items.map(({ name, rows }) => [name, rows])).toEqual([
      ['campaigns', 6],
      ['donations', 3_000],
      ['messages', 800],
      ['ai_usage', 900],
      ['donation_days', expect.any(Number)],
      ['confirmed_gifts', paid!.gifts],
      ['message_days', expect.any(Number)],
      ['ai_days', expect.any(Number)],
    ]);
    const names = items.flatMap(({ columns }) => columns.map(({ name }) => name)).join(' ');
    expect(names).not.toMatch(/mail|phone|donor_key|donor_name|user|owner|hash|message_text/);
    // Not hidden in the files either.
    for (const part of (await manifest()).datasets.donations ?? [])
      for (const { path } of part.files) expect(await readFile(join(b.folder, path), 'latin1')).not.toMatch(/example\.org|Bruno|donor_key/);
  });

  it('is told by health and figures', async () => {
    const fresh = (facts: Record<string, unknown> | undefined) => facts?.lastRefresh === 'done';
    expect(await eventually(health, fresh)).toMatchObject({ status: 'up', ageSeconds: expect.any(Number) as unknown });
    await b.query('SELECT 1');
    const figures = await (await fetch(`${b.url}/metrics`)).text();
    expect(figures).toContain('mutirao_analytics_rows{dataset="donations"} 3000\n');
    expect(figures).toMatch(/^mutirao_analytics_age_seconds \d+$/m);
    expect(figures).toMatch(/^mutirao_analytics_statements_total [1-9]/m);
  });

  it('is written anew only where something changed', async () => {
    expect((await b.refresh()).finding).toMatchObject({ writtenRows: 0, writtenParts: 0 });
    const before = await manifest();
    const [gift] = await b.rows<{ id: string; part: string }>(
      `SELECT id, to_char(created_at AT TIME ZONE 'America/Sao_Paulo', 'YYYY-MM-01') AS part FROM donations WHERE status = 'confirmed' ORDER BY created_at LIMIT 1`,
    );
    await b.rows(`UPDATE donations SET status = 'refunded' WHERE id = $1`, [gift!.id]);
    const { finding } = await b.refresh();
    const after = await manifest();
    const changed = after.datasets.donations!.filter(
      (part) => !before.datasets.donations!.some((old) => JSON.stringify(old.files) === JSON.stringify(part.files)),
    );
    expect(changed.map(({ part }) => part)).toEqual([gift!.part]);
    // What is made of them is made anew with them, and only then.
    expect(after.datasets.confirmed_gifts![0]!.rows).toBe(before.datasets.confirmed_gifts![0]!.rows - 1);
    expect(after.datasets.ai_days).toEqual(before.datasets.ai_days);
    expect(finding).toMatchObject({ writtenParts: 1, writtenRows: changed[0]!.rows });
    expect(after.retired.length).toBeGreaterThan(0);
  });

  it('tells the same giver by the same number after each export', async () => {
    const sql = `SELECT donor, count(*) AS gifts FROM donations GROUP BY donor ORDER BY donor LIMIT 50`;
    const before = (await b.query(sql)).json.rows;
    const id = b.unique();
    await b.rows(
      `INSERT INTO donations SELECT (jsonb_populate_record(d, jsonb_build_object('id', $1::text, 'donor_key', $1::text))).* FROM donations d LIMIT 1`,
      [id],
    );
    await b.refresh();
    expect((await b.query(sql)).json.rows).toEqual(before);
  });

  it('keeps what was there where the Parquet is not what PostgreSQL holds', async () => {
    const before = await manifest();
    const victim = before.datasets.messages![0]!;
    const other = before.datasets.messages![1]!;
    await writeFile(join(b.folder, victim.files[0]!.path), await readFile(join(b.folder, other.files[0]!.path)));
    victim.files[0]!.bytes = other.files[0]!.bytes;
    await writeFile(join(b.folder, 'manifest.json'), JSON.stringify(before));
    const { state, finding } = await b.refresh();
    expect([state, finding.why]).toEqual([
      'failed',
      expect.stringMatching(new RegExp(`the Parquet of messages ${victim.part} is not what PostgreSQL holds`)),
    ]);
    expect((await manifest()).version).toBe(before.version);
    expect(await health()).toMatchObject({ status: 'down', message: expect.stringContaining('failed') as unknown, lastRefresh: 'failed' });
    // What is mended by hand is written anew.
    await writeFile(join(b.folder, 'manifest.json'), JSON.stringify({ ...before, datasets: { ...before.datasets, messages: [] } }));
    expect((await b.refresh()).state).toBe('done');
  });

  it('is written again where files of it were taken away or cut off', async () => {
    const { datasets: kept } = await manifest();
    await rm(join(b.folder, kept.donations![0]!.files[0]!.path));
    await truncate(join(b.folder, kept.messages![0]!.files[0]!.path), 100);
    expect((await b.refresh()).state).toBe('done');
    const { json } = await b.query('SELECT (SELECT count(*) FROM donations) AS gifts, (SELECT count(*) FROM messages) AS messages');
    const [truth] = await b.rows<object>(
      'SELECT (SELECT count(*) FROM donations)::int AS gifts, (SELECT count(*) FROM whatsapp_messages)::int AS messages',
    );
    expect(json.rows).toEqual([truth]);
  });

  it('is none where its manifest is spoilt, and is then made anew', async () => {
    await writeFile(join(b.folder, 'manifest.json'), '{"schema": 1, "vers');
    expect(codesOf(await b.query('SELECT 1'))).toEqual([503, 'dependency_down']);
    expect((await datasets()).version).toBeNull();
    expect((await b.refresh()).state).toBe('done');
    expect((await b.query('SELECT 1 AS one')).json.rows).toEqual([{ one: 1 }]);
  });

  it('leaves no folder that nothing names', async () => {
    await b.refresh();
    // An export that failed before tries again by itself, and may be at it now.
    const strays = async () => {
      const { datasets: kept, retired } = await manifest();
      const paths = [...Object.values(kept).flatMap((parts) => parts.flatMap(({ files }) => files)), ...retired].map(({ path }) => path);
      return (await readdir(join(b.folder, 'runs'))).filter((run) => !paths.some((path) => path.split('/')[1] === run));
    };
    await eventually(strays, (left) => left.length === 0);
  });
});

describe('Lines that become Parquet', () => {
  const order = { threads: 1, memory: '200MB', columns: { n: 'BIGINT' }, part: `'all'` } as const;
  const write = (lines: Iterable<string> | AsyncIterable<string>, more: object = {}, signal = new AbortController().signal) => {
    const folder = join(b.folder, b.unique());
    return writeParquet(
      () => ({ stream: Readable.from(lines), freed: Promise.resolve() }),
      { ...order, scratch: `${folder}-scratch`, folder, ...more },
      signal,
    );
  };
  const many = function* (last: string) {
    for (let n = 0; n < 300_000; n += 1) yield `${n}\n`;
    yield last;
  };

  it('are all there', async () => {
    expect(await write(many(''))).toMatchObject([{ part: 'all', rows: 300_000 }]);
    expect(await write([])).toEqual([]);
  });

  it.each([
    ['what is no number', () => write(many('x\n'))],
    ['a part that cannot be told', () => write(many(''), { part: 'no_such_column' })],
    ['an end before their end', () => write(brokenOff())],
  ])('fail for %s, at once and with a reason', async (_, writing) => {
    await expect(writing()).rejects.toThrow(/^Parquet was not written: .{10}/);
  });

  it('are left where nobody wants them any more', async () => {
    const over = new AbortController();
    const writing = write(endless(), {}, over.signal);
    over.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
  });
});

describe('The lines of a COPY', () => {
  const message = (kind: string, body = '') => {
    const bytes = Buffer.concat([Buffer.from(`${kind}    `), Buffer.from(body)]);
    bytes.writeUInt32BE(bytes.length - 1, 1);
    return bytes;
  };

  it('are whole wherever they were cut on their way, and what comes after them is not theirs', async () => {
    const lines = ['a,1\n', '\n', 'água,d\n'];
    const end = [message('c'), message('C', 'COPY 3\0'), message('Z', 'I')];
    const all = Buffer.concat([message('H', '\0\0\0'), ...lines.map((line) => message('d', line)), message('N', 'd\0'), ...end]);
    for (let size = 1; size <= all.length; size += 1) {
      const stream = new PassThrough();
      const after: Buffer[] = [];
      stream.on('data', (bytes: Buffer) => after.push(bytes));
      const told = new CopyOut('COPY');
      told.submit({ stream, query: () => undefined } as unknown as Connection);
      for (let at = 0; at < all.length; at += size) stream.write(all.subarray(at, at + size));
      stream.end();
      expect(await text(told)).toBe(lines.join(''));
      await eventually(
        async () => Buffer.concat(after),
        (bytes) => bytes.length >= Buffer.concat(end).length,
      );
      expect(Buffer.concat(after)).toEqual(Buffer.concat(end));
    }
  });

  it('wait for whoever reads them, are as long as they are, and leave the connection to others', async () => {
    const client = connectionFor(b.install.database.url);
    await client.connect();
    const sql = `SELECT n || repeat('x', n * 1000) AS line FROM generate_series(1, 200) AS n`;
    const told = client.query(new CopyOut(`COPY (${sql}) TO STDOUT`));
    let most = 0;
    let bytes = 0;
    for await (const piece of told as AsyncIterable<Buffer>) {
      bytes += piece.length;
      most = Math.max(most, told.readableLength);
      await new Promise(setImmediate);
    }
    const { rows } = await client.query<{ bytes: number }>(`SELECT sum(length(line) + 1)::int AS bytes FROM (${sql}) AS lines`);
    expect(bytes).toBe(rows[0]!.bytes);
    expect(most).toBeLessThan(1_000_000);
    const refused = client.query(new CopyOut('COPY (SELECT 1 / (n - 3) FROM generate_series(1, 9) AS n) TO STDOUT'));
    await expect(text(refused)).rejects.toThrow('division by zero');
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });
});

async function* brokenOff() {
  yield '1\n';
  await Promise.resolve();
  throw new Error('the connection is gone');
}

async function* endless() {
  for (;;) {
    yield '1\n';
    await new Promise(setImmediate);
  }
}
