import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildWhenNeeded } from './build-when-needed.mjs';

await buildWhenNeeded();
const root = fileURLToPath(new URL('..', import.meta.url));
// A thread, as it ends with this process however that ends.
const compiler = new Worker(`${root}node_modules/typescript/lib/_tsc.js`, {
  argv: ['-p', `${root}tsconfig.build.json`, '--watch', '--preserveWatchOutput'],
  stdout: true,
});
compiler.stdout.pipe(process.stderr, { end: false });
process.argv.push('--watch');
await import('../dist/src/cluster.js');
