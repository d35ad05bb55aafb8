import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { listOf, shownColumns, storeView, tables } from '../datasets/derived.js';
import type { Beginning } from './messages.js';

/** A DuckDB that sees these files and nothing else, and cannot be told otherwise any more. */
export async function lockedDown({ files, scratch, memoryMb, threads }: Beginning): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${memoryMb}MB`,
    temp_directory: join(scratch, 'spilled'),
    max_temp_directory_size: '2GB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'America/Sao_Paulo'`);
  await connection.run('SET parquet_metadata_cache = true');
  await connection.run('CREATE SCHEMA store');
  for (const [name, dataset] of Object.entries(tables)) await connection.run(storeView(name, dataset, files[name] ?? []));
  await connection.run(`SET allowed_directories = ${listOf([scratch])}`);
  await connection.run(`SET allowed_paths = ${listOf(Object.values(files).flat())}`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
  return connection;
}

const OWNER = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** The tables as one caller sees them: all, or what belongs to his own campaigns. */
export function viewsFor(owner: string | null): string {
  if (owner !== null && !OWNER.test(owner)) throw new Error('an owner is told by his id');
  return Object.entries(tables)
    .map(([name, dataset]) => {
      const own = owner === null ? (dataset.ofAll ?? 'true') : (dataset.ofOwner?.(owner) ?? 'false');
      return `CREATE OR REPLACE VIEW main.${name} AS SELECT ${shownColumns(dataset).join(', ')} FROM store.${name} WHERE ${own}`;
    })
    .join('; ');
}
