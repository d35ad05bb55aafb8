import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Made once; tokens signed yesterday stay valid. The caller holds the lock of DATA_DIR. */
export function secretKey(dataDir: string): string {
  const file = join(dataDir, 'secret-key');
  if (!existsSync(file)) {
    const fresh = `${file}.new`;
    const handle = openSync(fresh, 'w', 0o600);
    writeSync(handle, randomBytes(48).toString('hex'));
    fsyncSync(handle);
    closeSync(handle);
    renameSync(fresh, file);
  }
  return readFileSync(file, 'utf8').trim();
}
