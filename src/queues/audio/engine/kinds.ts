/** A format that is read here, and how FFmpeg calls what reads it. */
export interface Kind {
  name: 'wav' | 'mp3' | 'ogg' | 'm4a' | 'flac' | 'webm';
  demuxer: string;
  type: string;
}

const kinds: Record<Kind['name'], Kind> = {
  wav: { name: 'wav', demuxer: 'wav', type: 'audio/wav' },
  mp3: { name: 'mp3', demuxer: 'mp3', type: 'audio/mpeg' },
  ogg: { name: 'ogg', demuxer: 'ogg', type: 'audio/ogg' },
  m4a: { name: 'm4a', demuxer: 'mov', type: 'audio/mp4' },
  flac: { name: 'flac', demuxer: 'flac', type: 'audio/flac' },
  webm: { name: 'webm', demuxer: 'matroska', type: 'audio/webm' },
};

export const kindNames = Object.keys(kinds) as [Kind['name'], ...Kind['name'][]];
export const kindNamed = (name: Kind['name']): Kind => kinds[name];

/** So many bytes tell what it is. */
export const SNIFFED_BYTES = 64 * 1024;
const ID3_HEAD_BYTES = 10;
const EBML = 0x1a45dfa3;

/** What a file is, by its bytes alone: neither by its name nor by what its sender says of it. */
export function kindOf(first: Buffer): Kind | undefined {
  const at = (from: number, to: number) => first.toString('latin1', from, to);
  if (['RIFF', 'RF64'].includes(at(0, 4)) && at(8, 12) === 'WAVE') return kinds.wav;
  if (at(0, 4) === 'fLaC') return kinds.flac;
  if (at(0, 4) === 'OggS') return kinds.ogg;
  if (at(4, 8) === 'ftyp') return kinds.m4a;
  if (first.length >= 4 && first.readUInt32BE() === EBML)
    return ['webm', 'matroska'].some((name) => at(0, 64).includes(name)) ? kinds.webm : undefined;
  if (at(0, 3) === 'ID3') return at(behindTag(first), behindTag(first) + 4) === 'fLaC' ? kinds.flac : kinds.mp3;
  return isMp3(first) ? kinds.mp3 : undefined;
}

/** Where what a tag of ID3 stands before begins. */
export function behindTag(first: Buffer): number {
  if (first.toString('latin1', 0, 3) !== 'ID3' || first.length < ID3_HEAD_BYTES) return 0;
  const [a = 0, b = 0, c = 0, d = 0] = first.subarray(6, ID3_HEAD_BYTES);
  return ID3_HEAD_BYTES + (((a & 127) << 21) | ((b & 127) << 14) | ((c & 127) << 7) | (d & 127));
}

const KBPS = {
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const HERTZ = [44_100, 48_000, 32_000];

export interface Mp3Frame {
  bytes: number;
  bytesOfASecond: number;
}

/** A frame of MPEG layer 3 that begins here. */
export function mp3FrameAt(first: Buffer, at: number): Mp3Frame | undefined {
  if (at + 4 > first.length) return undefined;
  const head = first.readUInt32BE(at);
  const version = (head >>> 19) & 3;
  if (head >>> 21 !== 0x7ff || version === 1 || ((head >>> 17) & 3) !== 1) return undefined;
  const kbps = KBPS[version === 3 ? 1 : 2][(head >>> 12) & 15] ?? 0;
  const hertz = (HERTZ[(head >>> 10) & 3] ?? 0) / (version === 3 ? 1 : version === 2 ? 2 : 4);
  if (kbps === 0 || hertz === 0) return undefined;
  return { bytes: Math.floor(((version === 3 ? 144_000 : 72_000) * kbps) / hertz) + ((head >>> 9) & 1), bytesOfASecond: kbps * 125 };
}

/** Two frames, one right behind the other: a single one is found in much that is none. */
function isMp3(first: Buffer): boolean {
  const frame = mp3FrameAt(first, 0);
  return frame !== undefined && mp3FrameAt(first, frame.bytes) !== undefined;
}
