import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { ImpatientClient } from '../../database/client.js';
import { CopyOut } from './copy-out.js';
import { asFarAsThere, flush, NAME, readManifest, swapManifest, type Manifest, type Part } from './manifest.js';
import { derived, tables } from './derived.js';
import { published, SCHEMA_VERSION, toldRows, type Dataset } from './published.js';
import { connectionFor, inOneMoment } from './snapshot.js';
import { deriveParquet, sumParquet, writeParquet, type Lines, type WrittenFile } from './writer.js';

const RUNS = 'runs';
/** Nobody reads longer than this what another has replaced. */
const GRACE_MS = 300_000;
const THREADS = 2;
const MEMORY = '400MB';
/** Any number, the same in all processes. */
const LOCK = 7_311_011;

export interface Exported {
  version: string;
  snapshotAt: string;
  rows: number;
  bytes: number;
  /** What was written anew; the rest was as it is. */
  writtenRows: number;
  writtenParts: number;
  tookMs: number;
}

/** Another process is at it. */
export class Exporting extends Error {
  override readonly name = 'Exporting';
}

interface Work {
  folder: string;
  run: string;
  /** Tells the lines, and numbers who gave. */
  client: ImpatientClient;
  /** Adds up meanwhile. */
  second: ImpatientClient;
  before: Manifest | undefined;
  signal: AbortSignal;
}

const meansIn = (folder: string, run: string, scratch = 'scratch') => ({
  threads: THREADS,
  memory: MEMORY,
  scratch: join(folder, run, scratch),
});

type Found = Omit<Part, 'files'>;

/**
 * Brings the Parquet of a folder to what PostgreSQL holds at one moment. Only what changed is written; all of it is added up
 * again and compared before anybody is shown it.
 */
export async function exportAll(databaseUrl: string, folder: string, version: string, signal: AbortSignal): Promise<Exported> {
  const began = performance.now();
  const [client, second] = [connectionFor(databaseUrl), connectionFor(databaseUrl)];
  const part = () => Promise.allSettled([client.end(), second.end()]);
  const cut = () => void part();
  signal.addEventListener('abort', cut);
  try {
    await client.connect();
    // Of the session, as it has to hold until the new manifest is there; the connection's end ends it.
    const { rows: locks } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [LOCK]);
    if (!locks[0]?.mine) throw new Exporting('another process exports at this moment');
    await second.connect();
    await mkdir(join(folder, RUNS), { recursive: true });
    const known = await readManifest(folder);
    const before = known && (await asFarAsThere(folder, known));
    const work = { folder, run: join(RUNS, version), client, second, before, signal };
    await sweep(work);
    const { datasets, written, snapshotAt } = await inOneSnapshot(work);
    const manifest: Manifest = { schema: SCHEMA_VERSION, version, snapshotAt, datasets, retired: retired(before, datasets) };
    signal.throwIfAborted();
    await swapManifest(folder, manifest);
    const files = Object.values(datasets).flatMap((parts) => parts.flatMap((part) => part.files));
    const rows = Object.keys(published).reduce((sum, name) => sum + sumOf(datasets[name] ?? [], 'rows'), 0);
    return {
      ...{ version, snapshotAt, rows, bytes: sumOf(files, 'bytes') },
      ...{
        writtenRows: sumOf(written, 'rows'),
        writtenParts: new Set(written.map(({ path }) => dirname(path))).size,
      },
      tookMs: Math.round(performance.now() - began),
    };
  } finally {
    signal.removeEventListener('abort', cut);
    await part();
  }
}

const sumOf = <K extends 'rows' | 'bytes'>(files: readonly Record<K, number>[], what: K) =>
  files.reduce((sum, file) => sum + file[what], 0);

async function inOneSnapshot(work: Work) {
  const { client, second } = work;
  const snapshotAt = await inOneMoment(client, second);
  const { datasets, written } = await bringAllUp(work);
  await compare(work, datasets);
  // Numbers of givers are kept before anybody reads them: another run would give others.
  await client.query('COMMIT');
  return { datasets, written, snapshotAt };
}

/** While PostgreSQL tells a table, it adds up others, and some are made of those that are there. What fails ends all of it. */
async function bringAllUp(all: Work) {
  const datasets: Manifest['datasets'] = {};
  const written: WrittenFile[] = [];
  const waiting = new Map(Object.entries(derived));
  const failed = new AbortController();
  const work = { ...all, signal: AbortSignal.any([all.signal, failed.signal]) };
  const going: Promise<unknown>[] = [];
  /** One after the other, beside what else is done. */
  const lane = () => {
    let last: Promise<unknown> = Promise.resolve();
    return <T>(step: () => Promise<T>): Promise<T> => {
      const done = last.then(step);
      last = done;
      going.push(done);
      done.catch((fault: unknown) => failed.abort(fault));
      return done;
    };
  };
  const [adding, making] = [lane(), lane()];
  try {
    const told = Object.entries(published).map(([name, dataset]) => [name, dataset, adding(() => addUp(work, name, dataset))] as const);
    await number(work);
    for (const [name, dataset, found] of told) {
      work.signal.throwIfAborted();
      const { parts, files } = await bringUp(work, name, dataset, found);
      datasets[name] = parts;
      written.push(...files);
      for (const [other, { from }] of waiting)
        if (from.every((table) => table in datasets)) {
          waiting.delete(other);
          void making(async () => void (datasets[other] = await derive(work, other, datasets)));
        }
    }
    await Promise.all(going);
  } finally {
    failed.abort(new Error('the export is over'));
    await Promise.allSettled(going);
  }
  return { datasets, written };
}

async function number({ client }: Work): Promise<void> {
  await client.query(`INSERT INTO analytics_donors (donor_key) SELECT DISTINCT donor_key FROM donations d
    WHERE NOT EXISTS (SELECT FROM analytics_donors n WHERE n.donor_key = d.donor_key)`);
}

/** What PostgreSQL holds of each part. */
async function addUp({ second }: Work, name: string, dataset: Dataset): Promise<Found[]> {
  const sums = Object.entries(dataset.sums).map(([sum, text]) => `(${text})::text AS "${sum}"`);
  const { rows } = await second.query<Record<string, string> & { part: string; rows: number; mark: string | null }>(
    `SELECT part::text, count(*)::float8 AS rows, ${dataset.mark} AS mark, ${sums.join(', ')} FROM ${toldRows(name, dataset)} GROUP BY told.part ORDER BY 1`,
  );
  return rows.map(({ part, rows: count, mark, ...rest }) => ({ part, rows: count, mark: mark ?? '', sums: rest }));
}

async function bringUp({ folder, run, client, before, signal }: Work, name: string, dataset: Dataset, told: Promise<Found[]>) {
  const known = new Map(before?.datasets[name]?.map((part) => [part.part, part]));
  const changedOf = (found: Found[]) => found.filter((part) => !isSame(part, known.get(part.part))).map(({ part }) => part);
  // Where nothing is there all is written, whatever is told of it.
  const some = before ? changedOf(await told) : [];
  const files: WrittenFile[] = [];
  if (!before || some.length > 0) {
    const columns = Object.fromEntries(Object.entries(dataset.columns).map(([column, { type }]) => [column, type]));
    const chosen = before ? `WHERE part IN (${some.map((part) => client.escapeLiteral(part)).join(', ')})` : '';
    const target = join(folder, run, name);
    await mkdir(target, { recursive: true });
    const sql = `COPY (SELECT ${Object.keys(columns).join(', ')} FROM ${toldRows(name, dataset)} ${chosen}) TO STDOUT (FORMAT csv)`;
    const order = { ...meansIn(folder, run), columns, part: dataset.part, folder: target };
    files.push(...(await writeParquet(() => linesOf(client, sql), order, signal)));
  }
  for (const file of files) {
    await flush(file.path);
    file.path = relative(folder, file.path);
  }
  const found = await told;
  const changed = changedOf(found);
  const parts = found.map((part): Part => {
    const own = files.filter((file) => file.part === part.part).map(({ path, rows: count, bytes }) => ({ path, rows: count, bytes }));
    return { ...part, files: changed.includes(part.part) ? own : (known.get(part.part)?.files ?? []) };
  });
  return { parts, files };
}

/** The end of the lines is heard a moment before the connection is free again; that of the connection may come instead. */
function linesOf(client: ImpatientClient, sql: string): Lines {
  const stream = client.query(new CopyOut(sql));
  // Those who read hear of it; it may be said once more when they have gone.
  stream.on('error', () => undefined);
  const freed = Promise.race([once(client, 'drain'), once(client, 'end')]).catch(() => undefined);
  return { stream, freed };
}

/** Of the tables it is from as they are now; what it was made of the same files before, it still is. */
async function derive({ folder, run, before, signal }: Work, name: string, datasets: Manifest['datasets']): Promise<Part[]> {
  const { from = [], agrees = {} } = derived[name] ?? {};
  const pathsIn = (table: string) => (datasets[table] ?? []).flatMap(({ files }) => files.map(({ path }) => path));
  const mark = createHash('sha256').update(from.flatMap(pathsIn).join('\n')).digest('hex');
  const known = before?.datasets[name];
  if (known?.[0]?.mark === mark) return known;
  const of = Object.fromEntries(from.map((table) => [table, pathsIn(table).map((path) => join(folder, path))]));
  await mkdir(join(folder, run), { recursive: true });
  const files = await deriveParquet({ ...meansIn(folder, run, 'making'), name, of, file: join(folder, run, `${name}.parquet`) }, signal);
  for (const file of files) {
    await flush(file.path);
    file.path = relative(folder, file.path);
  }
  const sums = Object.entries(agrees).map(([sum, [table, its]]) => {
    const total = (datasets[table] ?? []).reduce((all, part) => all + BigInt(part.sums[its] ?? 0), 0n);
    return [sum, String(total)] as const;
  });
  return [{ part: 'all', rows: sumOf(files, 'rows'), mark, sums: Object.fromEntries(sums), files }];
}

const isSame = (part: Found, known: Part | undefined): boolean =>
  known !== undefined &&
  known.rows === part.rows &&
  known.mark === part.mark &&
  Object.entries(part.sums).every(([name, sum]) => known.sums[name] === sum);

/** Nothing is shown whose rows and sums are not those of PostgreSQL, whenever it was written. */
async function compare({ folder, run, signal }: Work, datasets: Manifest['datasets']): Promise<void> {
  const filesOf = (parts: readonly Part[]) => parts.flatMap(({ files }) => files.map(({ path }) => join(folder, path)));
  const summed = Object.entries(datasets).map(([name, parts]) => ({ files: filesOf(parts), sums: tables[name]?.sums ?? {} }));
  const told = await sumParquet({ ...meansIn(folder, run), tables: summed }, signal);
  const byFile = new Map(told.map((file) => [relative(folder, file.filename), file]));
  for (const [name, parts] of Object.entries(datasets))
    for (const part of parts) {
      const its = part.files.map(({ path }) => byFile.get(path));
      const totalOf = (sum: string) => its.reduce((total, file) => total + BigInt(String(file?.[sum] ?? 0)), 0n);
      const differs = Object.entries({ rows: String(part.rows), ...part.sums }).filter(([sum, wanted]) => totalOf(sum) !== BigInt(wanted));
      if (differs.length > 0)
        throw new Error(
          `the Parquet of ${name} ${part.part} is not what PostgreSQL holds: ${differs.map(([sum]) => sum).join(', ')} differ`,
        );
    }
}

const pathsOf = (datasets: Manifest['datasets']) =>
  Object.values(datasets).flatMap((parts) => parts.flatMap((part) => part.files.map(({ path }) => path)));

/** Who has begun to read what was there before may go on for a while. */
function retired(before: Manifest | undefined, datasets: Manifest['datasets']): Manifest['retired'] {
  if (!before) return [];
  const now = Date.now();
  const used = new Set(pathsOf(datasets));
  const left = pathsOf(before.datasets).filter((path) => !used.has(path));
  return [
    ...before.retired.filter(({ at }) => now - Date.parse(at) < GRACE_MS),
    ...left.map((path) => ({ path, at: new Date(now).toISOString() })),
  ];
}

/** Takes away what no manifest names any more, and what exports left that were ended in the middle. */
async function sweep({ folder, before }: Work): Promise<void> {
  const now = Date.now();
  const kept = new Set([
    ...pathsOf(before?.datasets ?? {}),
    ...(before?.retired ?? []).filter(({ at }) => now - Date.parse(at) < GRACE_MS).map(({ path }) => path),
  ]);
  for (const name of await readdir(folder)) if (name.startsWith(`${NAME}.`)) await rm(join(folder, name), { force: true });
  for (const run of await readdir(join(folder, RUNS))) {
    const entries = await readdir(join(folder, RUNS, run), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const left = files.filter((file) => !kept.has(relative(folder, file)));
    if (left.length === files.length) await rm(join(folder, RUNS, run), { recursive: true, force: true });
    else for (const file of left) await rm(file, { force: true });
  }
}
