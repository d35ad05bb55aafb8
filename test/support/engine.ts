import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Engine, type Outcome } from '../../src/queues/audio/engine/engine.service.js';
import { kindOf } from '../../src/queues/audio/engine/kinds.js';
import type { Measures } from '../../src/queues/audio/engine/words.js';

/** The real one, as a process of its own. */
export const ENGINE_MAIN = resolve('.build/src/queues/audio/engine/engine.main.js');

/** What becomes of a recording in the engine, and the files that it made. */
export async function engineOn(bytes: Buffer, { mostSeconds = 3_600, main = ENGINE_MAIN, silentMs = 20_000 } = {}) {
  const kind = kindOf(bytes.subarray(0, 65_536));
  if (!kind) throw new Error('no recording');
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-engine-'));
  try {
    const original = join(folder, 'original');
    await writeFile(original, bytes);
    const errand = { original, folder, kind: kind.name, mostSeconds, aboutSeconds: 10 };
    const outcome = await new Engine({ main, silentMs }).run(errand, new AbortController().signal, () => undefined);
    const file = (name: string) => readFile(join(folder, name)).catch(() => undefined);
    return { outcome, normalized: await file('normalized'), waveform: (await file('waveform'))?.toString() };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What it measured; that it could not is a fault. */
export function measuresOf(outcome: Outcome): Measures {
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.measures;
}
