import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { derived, listOf, storeView, tables } from './derived.js';
import type { FileSums, WriterAnswer, WriterOrder, WrittenFile } from './writer.js';

// One order, one answer: a process that knows no address and no secret turns lines into Parquet, or adds up what is in it.
const text = (value: string) => `'${value.replaceAll("'", "''")}'`;

const fileOf = (row: Record<string, DuckDBValue>): WrittenFile => ({
  path: String(row.filename),
  part: /part=([^/]+)/.exec(String(row.filename))?.[1] ?? '',
  rows: Number(row.count),
  bytes: Number(row.file_size_bytes),
});

async function obey(order: WriterOrder): Promise<WriterAnswer> {
  const settings = {
    threads: String(order.threads),
    memory_limit: order.memory,
    temp_directory: order.scratch,
    preserve_insertion_order: 'false',
  };
  const connection = await (await DuckDBInstance.create(':memory:', settings)).connect();
  if (order.kind === 'sum') {
    const sums: FileSums[] = [];
    for (const { files, sums: wanted } of order.tables.filter((table) => table.files.length > 0)) {
      const columns = Object.entries(wanted).map(([name, sum]) => `(${sum})::VARCHAR AS ${name}`);
      const reader = await connection.runAndReadAll(
        `SELECT filename, count(*)::INTEGER AS rows, ${columns.join(', ')}
         FROM read_parquet(${listOf(files)}, hive_partitioning = false, filename = true) GROUP BY filename`,
      );
      sums.push(...(reader.getRowObjectsJson() as FileSums[]));
    }
    return { sums };
  }
  if (order.kind === 'derive') {
    await connection.run('CREATE SCHEMA store');
    for (const [name, files] of Object.entries(order.of)) if (tables[name]) await connection.run(storeView(name, tables[name], files));
    const reader = await connection.runAndReadAll(
      `COPY (${derived[order.name]?.sql ?? ''}) TO ${text(order.file)} (FORMAT parquet, COMPRESSION zstd, RETURN_STATS)`,
    );
    return { files: reader.getRowObjects().map(fileOf) };
  }
  const columns = Object.entries(order.columns).map(([name, type]) => `${text(name)}: ${text(type)}`);
  const fed = pipeline(process.stdin, createWriteStream(order.pipe));
  // It breaks where DuckDB has given up, and says why.
  fed.catch(() => undefined);
  const reader = await connection.runAndReadAll(
    `COPY (SELECT *, ${order.part} AS part FROM read_csv(${text(order.pipe)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '',
       allow_quoted_nulls = false, max_line_size = 4194304, columns = {${columns.join(', ')}}))
     TO ${text(order.folder)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (part), RETURN_STATS)`,
  );
  return { files: reader.getRowObjects().map(fileOf) };
}

/** An orderly end would wait for whoever waits for the other end of a pipe. */
const end = () => process.kill(process.pid, 'SIGKILL');

// Whoever ordered it is gone, and nobody reads what it would write.
process.on('disconnect', end);
const order = JSON.parse(process.argv[2] ?? '') as WriterOrder;
const answer = await obey(order).catch((fault: unknown): WriterAnswer => ({ fault: String(fault) }));
process.send?.(answer, end);
