import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The package's own file is some folders up, how many depends on where this was compiled to.
function packageVersion(folder = dirname(fileURLToPath(import.meta.url))): string {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return dirname(folder) === folder ? 'unknown' : packageVersion(dirname(folder));
  }
}

export const version = packageVersion();
