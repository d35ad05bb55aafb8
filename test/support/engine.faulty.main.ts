import { readFileSync } from 'node:fs';
import { watchOver } from '../../src/queues/audio/engine/watchman.js';
import type { Errand } from '../../src/queues/audio/engine/words.js';

/** As a decoder that has a fault which some file meets: it dies of it, or never comes back. */
process.once('message', (errand: Errand) => {
  const text = readFileSync(errand.original, 'latin1');
  if (text.includes('MAKES IT CRASH')) process.kill(process.pid, 'SIGSEGV');
  while (text.includes('MAKES IT HANG'));
  void import('../../src/queues/audio/engine/engine.main.js').then(() => process.emit('message', errand, undefined));
});
watchOver();
process.send?.({ kind: 'ready' });
