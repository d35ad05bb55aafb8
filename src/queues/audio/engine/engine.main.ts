import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AV_LOG_QUIET } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { waveform } from './drawing.js';
import { hear } from './hearing.js';
import { kindNamed } from './kinds.js';
import { level } from './levelling.js';
import { mustHoldItsSound } from './references.js';
import { watchOver } from './watchman.js';
import { isFull, Unfit, type Errand, type Measures, type Word } from './words.js';

/** What each part of the work is of all of it. */
const HEARD_SHARE = 0.35;
const MOST_SHARE = 0.99;

const say = (word: Word): void => void process.send?.(word);

async function measured({ original, folder, kind: name, mostSeconds, aboutSeconds }: Errand): Promise<Measures> {
  const kind = kindNamed(name);
  if (name === 'm4a') mustHoldItsSound(original);
  const part = (from: number, of: number) => (seconds: number) =>
    say({ kind: 'progress', share: Math.min(MOST_SHARE, from + of * Math.min(1, seconds / Math.max(1, aboutSeconds))) });
  const heard = await hear(original, kind, { mostSeconds, tell: part(0, HEARD_SHARE) });
  const { integratedLufs, truePeakDbtp, loudnessRangeLu, durationSeconds, clippedSamples, silenceRatio, source, peaks } = heard;
  writeFileSync(join(folder, 'waveform'), waveform(peaks, durationSeconds));
  const bounds = { mostSeconds: mostSeconds + 1, tell: part(HEARD_SHARE, 1 - HEARD_SHARE) };
  const normalized = await level(original, kind, heard, join(folder, 'normalized'), bounds);
  const clipping = clippedSamples > 0;
  return {
    ...{ durationSeconds, integratedLufs, truePeakDbtp, loudnessRangeLu, clipping, clippedSamples, silenceRatio },
    format: { container: name, ...source },
    normalized,
  };
}

watchOver();
// Whoever asked is gone.
process.on('disconnect', () => process.exit(1));
process.once('message', (errand: Errand) => {
  void measured(errand)
    .then(
      (measures): Word => ({ kind: 'done', measures }),
      (fault: unknown): Word => {
        if (isFull(fault)) return { kind: 'full' };
        if (fault instanceof Unfit) return { kind: 'failed', fault: fault.fault, words: fault.message };
        throw fault;
      },
    )
    .then((word) => process.send?.(word, () => process.exit(0)));
});
Log.setLevel(AV_LOG_QUIET);
say({ kind: 'ready' });
