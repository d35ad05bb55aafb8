import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { boundaryOf, MOST_PART_HEAD_BYTES, namesIn, unreadable } from '../../http/form-heads.js';
import { Refusal } from '../../kernel/problems.js';

const MOST_PARTS = 64;
const MOST_FILE_BYTES = 25 * 1024 * 1024;
/** Of all that is no file. */
const MOST_FIELDS_BYTES = 64 * 1024;
/** Of what holds them together, as far as anybody writes. */
const MOST_FRAME_BYTES = 16 * 1024;
export const MOST_BESIDE_BYTES = MOST_FIELDS_BYTES + MOST_FRAME_BYTES;
export const MOST_FORM_BYTES = MOST_FILE_BYTES + MOST_BESIDE_BYTES;
const LONGEST_NAME = 100;

export interface Recording {
  name: string;
  type: string;
  bytes: Buffer;
}

export interface Form {
  /** By name, each with all that was said for it. */
  fields: Map<string, string[]>;
  file?: Recording;
}

const TYPE = /^content-type[\t ]*:[\t ]*([\w.+-]+\/[\w.+-]+(?:;[\w .="+-]*)?)$/im;
const FILE = 'file';

/**
 * Reads a form with one file, of which nothing is copied. By hand: what undici has for it takes seconds of the
 * whole process for a form of a hundred thousand parts, or for one long header.
 */
export function readForm(body: Buffer, type: string): Form {
  const boundary = boundaryOf(type);
  const form: Form = { fields: new Map() };
  let left = MOST_FIELDS_BYTES;
  for (const { head, bytes } of partsOf(body, boundary)) {
    const { name, filename } = namesIn(head);
    if (name === FILE) {
      if (form.file) throw unreadable('it has more than one file');
      if (bytes.length > MOST_FILE_BYTES) throw new Refusal('too_large', `A file has at most ${MOST_FILE_BYTES} bytes.`);
      form.file = { name: plain(filename ?? ''), type: TYPE.exec(head)?.[1] ?? 'application/octet-stream', bytes };
      continue;
    }
    if (filename !== undefined) throw unreadable(`a file is sent as ${FILE}`);
    left -= bytes.length;
    if (left < 0) throw new Refusal('too_large', `All fields but the file have at most ${MOST_FIELDS_BYTES} bytes.`);
    if (!isUtf8(bytes)) throw unreadable(`${name} is not UTF-8`);
    form.fields.set(name, [...(form.fields.get(name) ?? []), bytes.toString()]);
  }
  return form;
}

/** The same anew: what was not understood here is not there to be understood otherwise elsewhere. */
export function writeForm({ fields, file }: Form): { type: string; bytes: Buffer } {
  const boundary = `mutirao-${randomUUID()}`;
  const part = (head: string) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`;
  const pieces: Buffer[] = [...fields].flatMap(([name, values]) =>
    values.map((value) => Buffer.from(`${part(`name="${name}"`)}${value}\r\n`)),
  );
  if (file) {
    const head = part(`name="${FILE}"; filename="${file.name}"\r\nContent-Type: ${file.type}`);
    pieces.push(Buffer.from(head), file.bytes, Buffer.from('\r\n'));
  }
  return { type: `multipart/form-data; boundary=${boundary}`, bytes: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]) };
}

function* partsOf(body: Buffer, boundary: string): Generator<{ head: string; bytes: Buffer }> {
  const line = Buffer.from(`\r\n--${boundary}`);
  let at = body.subarray(0, MOST_PART_HEAD_BYTES).indexOf(line.subarray(2));
  if (at < 0) throw unreadable('it does not begin with its boundary');
  at += line.length - 2;
  for (let count = 1; body.toString('latin1', at, at + 2) !== '--'; count += 1) {
    if (count > MOST_PARTS) throw new Refusal('too_large', `Send at most ${MOST_PARTS} fields.`);
    const headLength = body.subarray(at, at + MOST_PART_HEAD_BYTES).indexOf('\r\n\r\n');
    const begin = at + headLength + 4;
    const end = body.indexOf(line, begin);
    if (body.toString('latin1', at, at + 2) !== '\r\n' || headLength < 0 || end < 0) throw unreadable('a part of it is not whole');
    yield { head: body.toString('utf8', at + 2, at + headLength), bytes: body.subarray(begin, end) };
    at = end + line.length;
  }
}

/** All that counts of it is how it ends. */
const plain = (filename: string): string => filename.replaceAll(/[^\p{L}\p{N}._-]/gu, '_').slice(-LONGEST_NAME) || 'recording';
