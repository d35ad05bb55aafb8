import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pause } from '../../../src/kernel/waiting.js';
import { eventually } from '../../support/lab.js';
import { aFolder, processesOf, startSystem, type Line, type System } from '../../support/system.js';

/** As docker/systemd/mutirao@.service has it. */
const RESTART_MS = 1_000;
const LOOK_MS = 200;
const TOLD = 40;
const PUT_MS = 5_000;
const CLOCK = pathToFileURL('.build/test/support/clock.preload.js').href;

type Part = 'requests' | 'background';

/** One instance with its supervisor; whenever that ends, it is started again, as systemd does it. */
export function anInstance(env: Readonly<Record<string, string>>) {
  const { root, made: dataDir } = aFolder('data');
  const clock = join(root, 'clock');
  writeFileSync(clock, '0');
  const given = { ...env, NODE_OPTIONS: `--import=${CLOCK}`, CLOCK_FILE: clock };
  const said: Line[] = [];
  let system: System | undefined;
  let wanted = true;

  async function begin(): Promise<void> {
    const begun = (system = startSystem({ env: given, dataDir }));
    endRestWith(begun.pid, dataDir, () => system === begun);
    void begun.exit.then(async () => {
      said.push(...begun.lines);
      if (!wanted || system !== begun) return;
      await pause(RESTART_MS);
      // Whatever keeps it from starting now may be over at its next try.
      await begin().catch(() => undefined);
    });
    await begun.ready();
  }
  const mains = () => processesOf(dataDir).filter(({ command }) => command.includes('main.js'));

  const pids = (part: Part) =>
    mains()
      .filter(({ pid }) => environmentOf(pid).includes(`MUTIRAO_PART=${part}`))
      .map(({ pid }) => pid)
      .sort((one, other) => one - other);
  const isReady = () =>
    fetch(`http://127.0.0.1:${env.PORT}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok }) => ok,
      () => false,
    );

  return {
    port: Number(env.PORT),
    start: begin,
    supervisor: () => system?.pid ?? 0,
    /** The processes of this part, those first that were there first. */
    pids,
    all: () => processesOf(dataDir).map(({ pid }) => pid),
    isReady,
    /** All its processes are there, and it takes requests. */
    isWhole: async () => (await isReady()) && pids('requests').length === Number(env.WORKERS) && pids('background').length === 1,
    /** Its time of day is so much ahead from now on; of those of its processes that are there it is known. */
    async putClock(aheadMs: number): Promise<void> {
      writeFileSync(clock, String(aheadMs));
      const heard = () => Promise.resolve(mains().filter(({ pid }) => aheadOf(`${clock}.${pid}`) !== aheadMs));
      await eventually(heard, (behind) => behind.length === 0, PUT_MS);
    },
    health: async () =>
      (await (await fetch(`http://127.0.0.1:${env.PORT}/health`, { signal: AbortSignal.timeout(5_000) })).json()) as { status: string },
    /** Asks it to stop, and starts it again as soon as it has. */
    async restart(): Promise<void> {
      const old = system!;
      system = undefined;
      await old.stop();
      await begin();
    },
    /** The last of what it said that somebody should know. */
    told: () =>
      [...said, ...(system?.lines ?? [])]
        .filter(({ level }) => level === 'warn' || level === 'error' || level === 'fatal')
        .slice(-TOLD)
        .map((line) => JSON.stringify(line).slice(0, 400)),
    async stop(): Promise<void> {
      wanted = false;
      await system?.stop().catch(() => undefined);
      await system?.end();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export type Instance = ReturnType<typeof anInstance>;

/** Nothing of a unit outlives its main process, also what stands still: KillMode=mixed of systemd, and the end of a container. */
function endRestWith(supervisor: number, dataDir: string, isLast: () => boolean): void {
  const look = setInterval(() => {
    if (isAlive(supervisor)) return;
    clearInterval(look);
    if (isLast()) for (const { pid } of processesOf(dataDir)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }, LOOK_MS).unref();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** As a process has told it that was put somewhere. */
function aheadOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

export function descriptorsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return sum + readdirSync(`/proc/${pid}/fd`).length;
    } catch {
      return sum;
    }
  }, 0);
}
