import type { Kind } from './kinds.js';

/** What the engine is asked: one recording, and it ends. */
export interface Errand {
  original: string;
  /** Where it writes what it makes. */
  folder: string;
  kind: Kind['name'];
  mostSeconds: number;
  /** For telling how far it is. */
  aboutSeconds: number;
}

/** What cannot be done with a recording, however often it is tried. */
export const faults = ['not_audio', 'damaged', 'too_long', 'too_large', 'remote_reference'] as const;
export type Fault = (typeof faults)[number];

export interface Loudness {
  /** Nothing where it is too short, or too quiet, to be heard. */
  integratedLufs: number | null;
  truePeakDbtp: number | null;
  loudnessRangeLu: number | null;
}

export interface Measures extends Loudness {
  durationSeconds: number;
  clipping: boolean;
  clippedSamples: number;
  silenceRatio: number;
  format: { container: string; codec: string; sampleRate: number; channels: number; bitRate: number | null };
  normalized: Loudness & { durationSeconds: number; gainDb: number; limited: boolean; bitRate: number };
}

export type Word =
  /** It is there, and nothing that comes is lost on it. */
  | { kind: 'ready' }
  | { kind: 'progress'; share: number }
  | { kind: 'done'; measures: Measures }
  | { kind: 'failed'; fault: Fault; words: string }
  /** There is no room for what it makes. */
  | { kind: 'full' };

export class NoRoom extends Error {
  override readonly name = 'NoRoom';
}

/** What the system says where a disk, or somebody's part of it, is full. */
export const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'] as const;

export const isFull = (fault: unknown): boolean =>
  fault instanceof NoRoom || FULL.some((code) => code === (fault as NodeJS.ErrnoException).code);

export class Unfit extends Error {
  override readonly name = 'Unfit';
  constructor(
    readonly fault: Fault,
    words: string,
  ) {
    super(words);
  }
}
