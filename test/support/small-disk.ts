import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MB = 1_048_576;
const PIECE = Buffer.alloc(MB, 'x');
/** What the kernel gives at least. */
const PAGE = 4_096;

export type SmallDisk = ReturnType<typeof mountSmallDisk>;

/** A disk of its own in memory, so that it can be filled to its last byte and nobody else's is. */
export function mountSmallDisk(megabytes: number) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mutirao-disk-')));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'mutirao-disk', folder], { stdio: 'pipe' });
  } catch (cause) {
    rmdirSync(folder);
    throw new Error('No tmpfs can be mounted here, so that no disk can be full: root is needed, or CAP_SYS_ADMIN', { cause });
  }
  const state = { mounted: true };
  /** Also where somebody still holds a file of it: what they hold goes with them. */
  const unmount = () => {
    if (!state.mounted) return;
    state.mounted = false;
    execFileSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  };
  process.once('exit', unmount);
  const filler = join(folder, 'filler');

  return {
    folder,
    megabytes,
    /** To the last page; again where room has come about meanwhile. */
    fill(): void {
      const file = openSync(filler, 'a');
      try {
        for (const bytes of [MB, PAGE]) while (taken(file, PIECE.subarray(0, bytes)));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    unmount: () => {
      process.off('exit', unmount);
      unmount();
    },
  };
}

function taken(file: number, piece: Buffer): boolean {
  try {
    return writeSync(file, piece) === piece.length;
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw fault;
  }
}
