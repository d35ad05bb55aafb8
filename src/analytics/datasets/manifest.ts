import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SCHEMA_VERSION } from './published.js';

export const NAME = 'manifest.json';

const fileShape = z.object({ path: z.string(), rows: z.int(), bytes: z.int() });
const partShape = z.object({
  part: z.string(),
  rows: z.int(),
  sums: z.record(z.string(), z.string()),
  mark: z.string(),
  files: z.array(fileShape),
});
const manifestShape = z.object({
  schema: z.int(),
  /** Of the refresh that wrote it; all that is read together has one. */
  version: z.string(),
  snapshotAt: z.iso.datetime(),
  datasets: z.record(z.string(), z.array(partShape)),
  /** What no new reader needs, but one who began before may. */
  retired: z.array(z.object({ path: z.string(), at: z.iso.datetime() })),
});

export type ParquetFile = z.output<typeof fileShape>;
/** A month of a dataset, and what its Parquet was compared by. */
export type Part = z.output<typeof partShape>;
export type Manifest = z.output<typeof manifestShape>;

/** Nothing where none was written yet, or one of another shape. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, NAME), 'utf8');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fault;
  }
  const read = manifestShape.safeParse(parsed(text));
  return read.success && read.data.schema === SCHEMA_VERSION ? read.data : undefined;
}

/** The same without parts whose files somebody took away or cut off: the next refresh writes them again. */
export async function asFarAsThere(folder: string, manifest: Manifest): Promise<Manifest> {
  const isThere = async ({ path, bytes }: ParquetFile) => (await stat(join(folder, path)).catch(() => undefined))?.size === bytes;
  const there = async (parts: Part[]) => {
    const whole = await Promise.all(parts.map(async ({ files }) => !(await Promise.all(files.map(isThere))).includes(false)));
    return parts.filter((_, index) => whole[index]);
  };
  const datasets = await Promise.all(Object.entries(manifest.datasets).map(async ([name, parts]) => [name, await there(parts)] as const));
  return { ...manifest, datasets: Object.fromEntries(datasets) };
}

/** One that was spoilt is none: the next refresh writes another. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The newest as it is, read again only where another one lies there. */
export class ManifestReader {
  private known: { mark: string; manifest: Manifest | undefined } | undefined;

  constructor(private readonly folder: string) {}

  async read(): Promise<Manifest | undefined> {
    const { ino, mtimeMs } = await stat(join(this.folder, NAME)).catch(() => ({ ino: 0, mtimeMs: 0 }));
    const mark = `${ino} ${mtimeMs}`;
    if (this.known?.mark !== mark) this.known = { mark, manifest: await readManifest(this.folder) };
    return this.known.manifest;
  }
}

/** Whoever reads finds the old one or the new one, whenever the machine stops. */
export async function swapManifest(folder: string, manifest: Manifest): Promise<void> {
  const beside = join(folder, `${NAME}.${manifest.version}`);
  const file = await open(beside, 'w');
  try {
    await file.writeFile(JSON.stringify(manifest));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, join(folder, NAME));
  await flush(folder);
}

/** What was written is on the disk, and not only on its way there. */
export async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
