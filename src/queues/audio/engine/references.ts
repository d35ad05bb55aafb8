import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Unfit } from './words.js';

const BOXES = ['moov', 'trak', 'mdia', 'minf', 'dinf'];
const HEAD_BYTES = 8;
const MOST_BOXES = 10_000;

/** The sound of a file of QuickTime's family may lie in another file, or on another machine: such a one is refused. */
export function mustHoldItsSound(path: string): void {
  const file = openSync(path, 'r');
  try {
    let left = MOST_BOXES;
    const read = (at: number, bytes: number) => {
      const part = Buffer.alloc(bytes);
      return part.subarray(0, readSync(file, part, 0, bytes, at));
    };
    const walk = (from: number, to: number): void => {
      for (let at = from; at + HEAD_BYTES <= to && left > 0; left -= 1) {
        const head = read(at, 16);
        if (head.length < HEAD_BYTES) return;
        const name = head.toString('latin1', 4, 8);
        const short = head.readUInt32BE();
        const size = short === 1 && head.length === 16 ? Number(head.readBigUInt64BE(8)) : short === 0 ? to - at : short;
        const inside = at + (short === 1 ? 16 : HEAD_BYTES);
        if (size < inside - at) return;
        if (BOXES.includes(name)) walk(inside, Math.min(to, at + size));
        if (name === 'dref') mustBeOwn(read(inside, Math.min(65_536, size)));
        at += size;
      }
    };
    walk(0, fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

/** Each entry says by its lowest bit that what it is for lies in this file. */
function mustBeOwn(table: Buffer): void {
  for (let at = 8; at + 12 <= table.length; at += Math.max(12, table.readUInt32BE(at)))
    if ((table.readUInt8(at + 11) & 1) === 0) throw new Unfit('remote_reference', 'Its sound lies in another file.');
}
