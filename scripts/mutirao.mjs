import { buildWhenNeeded } from './build-when-needed.mjs';

await buildWhenNeeded();
await import('../dist/src/cli/mutirao.js');
// A look-up of a name that nobody answers would keep the process for many seconds more.
process.exit();
