const HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
const FORMAT_BYTES = 16;

/**
 * At most so many bytes make a second of a WAVE file, by its own rates; undefined for any other file. One that does
 * not tell, or not in a way that is read here, is taken for the slowest there can be.
 */
export function waveBytesOfASecond(file: Buffer): number | undefined {
  if (file.toString('latin1', 8, HEAD_BYTES) !== 'WAVE') return undefined;
  const format = file.toString('latin1', 0, 4) === 'RIFF' ? formatOf(file) : undefined;
  if (!format) return 1;
  const [channels, samples, bytes, bits] = [
    format.readUInt16LE(2),
    format.readUInt32LE(4),
    format.readUInt32LE(8),
    format.readUInt16LE(14),
  ];
  return Math.max(1, Math.min(bytes, (samples * channels * bits) / 8));
}

function formatOf(file: Buffer): Buffer | undefined {
  const name = Buffer.from('fmt ').readUInt32LE();
  for (let at = HEAD_BYTES; at + CHUNK_HEAD_BYTES + FORMAT_BYTES <= file.length;) {
    const length = file.readUInt32LE(at + 4);
    const begin = at + CHUNK_HEAD_BYTES;
    if (file.readUInt32LE(at) === name) return file.subarray(begin, begin + FORMAT_BYTES);
    // A chunk of odd length has one byte more.
    at = begin + length + (length % 2);
  }
  return undefined;
}
