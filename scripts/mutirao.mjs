import { buildWhenNeeded } from './build-when-needed.mjs';

buildWhenNeeded();
await import('../dist/src/cli/mutirao.js');
