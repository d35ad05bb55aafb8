// What tests run as real processes: `dist`, as npm start takes it, and `.build`, which has the helpers of tests besides.
import { spawnSync } from 'node:child_process';
import { buildWhenNeeded } from './build-when-needed.mjs';

await buildWhenNeeded();
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
