import { constants } from 'node:fs';
import { access, mkdtemp, realpath, rm, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.js';
import { inTime } from '../kernel/waiting.js';
import { codeOf, fault, ok, reasonOf, warn, type Check, type Finding } from './doctor-finding.js';

const OLDEST_NODE = [20, 19] as const;
const SANE_YEARS = [2026, 2100] as const;
const FILES_TIGHT = 4_096;
const FILES_TOO_FEW = 1_024;
const MB = 1024 * 1024;
const DISK_TIGHT = 1024 * MB;
const DISK_TOO_SMALL = 200 * MB;
const ASK_MS = 1_000;

export function machineChecks(config: Config): Check[] {
  return [
    {
      about: 'machine',
      whenSilent: 'try again',
      run: async () => [nodeFinding(process.versions.node), yearFinding(new Date()), filesFinding(openFiles())],
    },
    { about: 'DATA_DIR', whenSilent: 'see whether its disk hangs', run: () => disk(config.DATA_DIR) },
    { about: 'PORT', whenSilent: 'see what listens there, or set another PORT', run: (signal) => port(config, signal) },
  ];
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  return old ? fault('Node', version, `use ${OLDEST_NODE.join('.')} or later`) : ok('Node', version);
}

export function yearFinding(now: Date): Finding {
  const year = now.getUTCFullYear();
  const sane = year >= SANE_YEARS[0] && year < SANE_YEARS[1];
  return sane ? ok('clock', now.toISOString()) : fault('clock', `it says ${now.toISOString()}`, 'set it, best by NTP');
}

const openFiles = (): number => {
  const { userLimits } = process.report.getReport() as unknown as { userLimits: { open_files: { soft: number | 'unlimited' } } };
  return userLimits.open_files.soft === 'unlimited' ? Infinity : userLimits.open_files.soft;
};

export function filesFinding(most: number): Finding {
  const [about, todo] = ['open files', 'raise ulimit -n (LimitNOFILE in systemd)'];
  if (most < FILES_TOO_FEW) return fault(about, `only ${most} at once`, todo);
  return most < FILES_TIGHT ? warn(about, `only ${most} at once`, todo) : ok(about, `${most} at once`);
}

export function spaceFinding(freeBytes: number): Finding {
  const [about, free] = ['DATA_DIR', `${Math.floor(freeBytes / MB)} MB free`];
  if (freeBytes < DISK_TOO_SMALL) return fault(about, free, 'make room, or point DATA_DIR to another disk');
  return freeBytes < DISK_TIGHT ? warn(about, free, 'make room soon') : ok(about, free);
}

/** Where the folder is still to be made, the nearest one above it counts. */
async function disk(wanted: string): Promise<Finding[]> {
  const folder = await nearest(wanted);
  const { bavail, bsize } = await statfs(folder);
  const space = spaceFinding(bavail * bsize);
  try {
    await rm(await mkdtemp(join(folder, '.doctor-')), { recursive: true });
    return [space];
  } catch (cause) {
    return [
      space,
      fault('DATA_DIR', `nothing can be written to ${folder} (${codeOf(cause)})`, 'let this user write there, or set another DATA_DIR'),
    ];
  }
}

async function nearest(folder: string): Promise<string> {
  try {
    await access(folder, constants.F_OK);
    return await realpath(folder);
  } catch {
    return folder === dirname(folder) ? folder : nearest(dirname(folder));
  }
}

async function port({ HOST, PORT }: Config, signal: AbortSignal): Promise<Finding[]> {
  const about = 'PORT';
  const place = `${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`;
  try {
    await listenOnce(PORT, HOST, signal);
    return [ok(about, PORT === 0 ? 'any free one' : `${place} is free`)];
  } catch (cause) {
    if (codeOf(cause) === 'EADDRINUSE')
      return [
        (await isOurs(place, signal))
          ? ok(about, `${place} is served by the running system`)
          : fault(about, `another program holds ${place}`, 'end it, or set another PORT'),
      ];
    if (codeOf(cause) === 'EACCES') return [fault(about, `${place} is not allowed to this user`, 'set a PORT from 1024 on')];
    return [fault(about, `${place}: ${reasonOf(cause)}`, 'set HOST to an address of this machine')];
  }
}

const listenOnce = (port: number, host: string, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true, signal }, () => server.close(() => resolve()));
  });

async function isOurs(place: string, signal: AbortSignal): Promise<boolean> {
  const near = place.replace(/^0\.0\.0\.0/, '127.0.0.1').replace(/^\[::\]/, '[::1]');
  try {
    return await inTime(ASK_MS, signal, async (over) => {
      const answer = await fetch(`http://${near}/health/live`, { signal: over });
      return answer.ok && answer.headers.has('x-request-id') && ((await answer.json()) as { status?: unknown }).status === 'ok';
    });
  } catch {
    return false;
  }
}
