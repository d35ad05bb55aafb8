import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildWhenNeeded } from './build-when-needed.mjs';

await buildWhenNeeded();
const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = spawn(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`, '--watch', '--preserveWatchOutput'],
  { stdio: ['ignore', 2, 2] },
);
process.on('exit', () => compiler.kill());
process.argv.push('--watch');
await import('../dist/src/cluster.js');
