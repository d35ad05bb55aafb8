import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { comingParts } from '../../src/http/coming-form.js';
import { refusalOf } from '../support/database.js';

const BOUNDARY = 'x-boundary';
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

const formOf = (fields: readonly [string, Buffer][]): Buffer =>
  Buffer.concat([
    ...fields.flatMap(([name, bytes]) => [
      Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="f"\r\n\r\n`),
      bytes,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);

const incoming = (chunks: Iterable<Buffer>) => Readable.from(chunks, { objectMode: false }) as unknown as IncomingMessage;

async function read(chunks: Iterable<Buffer>, mostBytes = 1_000_000, type = TYPE): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const { name, bytes } of comingParts(incoming(chunks), type, mostBytes)) {
    const parts: Buffer[] = [];
    for await (const some of bytes) parts.push(some);
    found.push([name, Buffer.concat(parts).toString('latin1')]);
  }
  return found;
}

/** Cut at these places. */
const cut = (body: Buffer, places: readonly number[]): Buffer[] => {
  const at = [0, ...places.map((place) => place % body.length).sort((a, b) => a - b), body.length];
  return at.slice(1).map((end, index) => body.subarray(at[index], end));
};

// What nearly is the line between two parts, too.
const content = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.constantFrom('\r\n--x-bound', '\r\n', '--', '\r', 'a', '\r\n--x-boundar\r\n'), { maxLength: 12 })
    .map((parts) => Buffer.from(parts.join(''))),
);

it('gives back what was sent, wherever it was cut on its way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('file', 'priority', 'a'), content), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(2_000), { maxLength: 30 }),
      async (fields, places) => {
        const body = formOf(fields);
        expect(await read(cut(body, places))).toEqual(fields.map(([name, bytes]) => [name, bytes.toString('latin1')]));
      },
    ),
    { numRuns: 300 },
  );
});

it('passes over what nobody wants', async () => {
  const names: string[] = [];
  const body = formOf([
    ['a', Buffer.alloc(100_000, 'x')],
    ['b', Buffer.from('y')],
  ]);
  for await (const { name } of comingParts(incoming(cut(body, [10, 5_000, 70_000])), TYPE, 1_000_000)) names.push(name);
  expect(names).toEqual(['a', 'b']);
});

it.each([
  ['has no boundary in its type', formOf([]), 'multipart/form-data'],
  ['begins with something else', Buffer.from('hello'), TYPE],
  ['ends in a head', formOf([['a', Buffer.from('x')]]).subarray(0, 30), TYPE],
  ['ends in a part', formOf([['a', Buffer.alloc(100)]]).subarray(0, 120), TYPE],
  ['has a head without end', Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n`), Buffer.alloc(10_000, 'x')]), TYPE],
  ['has a part without a name', Buffer.from(`--${BOUNDARY}\r\nX: y\r\n\r\nz\r\n--${BOUNDARY}--\r\n`), TYPE],
])('refuses one that %s', async (_name, body, type) => {
  expect((await refusalOf(read([body], 1_000_000, type))).code).toBe('bad_request');
});

it('refuses more bytes, and more parts, than there may be', async () => {
  expect((await refusalOf(read(cut(formOf([['a', Buffer.alloc(5_000)]]), [100, 2_000]), 1_000))).code).toBe('too_large');
  const many = formOf(Array.from({ length: 20 }, () => ['a', Buffer.from('x')] as [string, Buffer]));
  expect((await refusalOf(read([many]))).code).toBe('too_large');
});

it('is not slowed down by bytes that come one by one', async () => {
  const body = formOf([['a', Buffer.alloc(30_000, '\r')]]);
  const one = Array.from({ length: body.length }, (_, at) => body.subarray(at, at + 1));
  expect((await read(one))[0]![1]).toHaveLength(30_000);
});
