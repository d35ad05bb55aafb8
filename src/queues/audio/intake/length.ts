import { behindTag, mp3FrameAt, type Kind } from '../engine/kinds.js';

export interface Ends {
  first: Buffer;
  last: Buffer;
}

/** Of what says nothing of its length: as voices are recorded. */
const USUAL_BYTES_OF_A_SECOND = 6_000;
/** Fewer hold nothing but silence: whoever says that he lasts longer keeps nobody else from hearing when his turn is. */
const LEAST_BYTES_OF_A_SECOND = 100;
const OPUS_HERTZ = 48_000;
const NO_POSITION = 0xffff_ffff_ffff_ffffn;

/**
 * About how many seconds a recording lasts, by its own words: good for knowing how long work on it will take, and never
 * more than that. The engine counts what is there.
 */
export function aboutSeconds({ name }: Kind, { first, last }: Ends, bytes: number): number {
  const told = readers[name](first, last, bytes);
  if (told === undefined || !Number.isFinite(told) || told <= 0) return Math.max(0, bytes) / USUAL_BYTES_OF_A_SECOND;
  return Math.min(told, bytes / LEAST_BYTES_OF_A_SECOND);
}

const readers: Record<Kind['name'], (first: Buffer, last: Buffer, bytes: number) => number | undefined> = {
  wav: (first, _last, bytes) => {
    const format = first.indexOf('fmt ');
    return format > 0 && format + 20 <= first.length ? bytes / first.readUInt32LE(format + 16) : undefined;
  },
  flac: (first) => {
    const at = behindTag(first) + 8;
    if (at + 18 > first.length) return undefined;
    const hertz = first.readUIntBE(at + 10, 3) >>> 4;
    return ((first.readUInt8(at + 13) & 15) * 2 ** 32 + first.readUInt32BE(at + 14)) / hertz;
  },
  mp3: (first, _last, bytes) => {
    const begin = behindTag(first);
    const frame = mp3FrameAt(first, begin);
    if (!frame) return undefined;
    const xing = ['Xing', 'Info'].map((mark) => first.subarray(begin, begin + 64).indexOf(mark)).find((at) => at > 0);
    const counts = xing !== undefined && begin + xing + 12 <= first.length && first.readUInt8(begin + xing + 7) & 1;
    if (!counts) return (bytes - begin) / frame.bytesOfASecond;
    return (first.readUInt32BE(begin + xing + 8) * frame.bytes) / frame.bytesOfASecond;
  },
  ogg: (first, last) => {
    const page = last.lastIndexOf('OggS');
    if (page < 0 || page + 14 > last.length) return undefined;
    const position = last.readBigUInt64LE(page + 6);
    const vorbis = first.subarray(0, 256).indexOf('\x01vorbis', 0, 'latin1');
    const hertz = vorbis > 0 && vorbis + 16 <= first.length ? first.readUInt32LE(vorbis + 12) : OPUS_HERTZ;
    return position === NO_POSITION ? undefined : Number(position) / hertz;
  },
  // Before the sound or behind it.
  m4a: (first, last) => movieSeconds(first) ?? movieSeconds(last),
  webm: (first) => {
    const at = first.indexOf(Buffer.from([0x44, 0x89]));
    if (at < 0 || at + 11 > first.length) return undefined;
    const size = first.readUInt8(at + 2) & 127;
    return (size === 8 ? first.readDoubleBE(at + 3) : size === 4 ? first.readFloatBE(at + 3) : Number.NaN) / 1_000;
  },
};

function movieSeconds(part: Buffer): number | undefined {
  const at = part.indexOf('mvhd');
  if (at < 0 || at + 36 > part.length) return undefined;
  if (part.readUInt8(at + 4) === 1) return Number(part.readBigUInt64BE(at + 28)) / part.readUInt32BE(at + 24);
  return part.readUInt32BE(at + 20) / part.readUInt32BE(at + 16);
}
