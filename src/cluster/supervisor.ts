import { once } from 'node:events';
import { watch } from 'node:fs';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { childEnvironment, workerCount, type Config, type Environment } from '../config/config.js';
import { EngineFailed } from '../embedded/engine.js';
import type { Engines, EngineUrls } from '../embedded/engines.js';
import { createLog, type Log } from '../observability/log.js';
import { CannotStart } from './cannot-start.js';
import { lockDataDir } from './data-lock.js';
import { endLeftStanding } from './left-standing.js';
import { migrate } from './migration.js';
import { freePort } from './port.js';
import { secretKey } from './secret-key.js';
import { Workers } from './workers.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** What the supervisor itself goes by until it is started anew. */
const LASTING = ['PORT', 'HOST', 'APP_ROLE', 'WORKERS', 'DATA_DIR', 'DATABASE_URL', 'REDIS_URL'] as const;
/** npm passes Ctrl-C on to a process that got it from the terminal already: only a later one is a second one. */
const SAME_SIGNAL_MS = 500;
const KILL_PROCESSES_MS = 7_500;
const QUIT_ENGINES_MS = 9_000;
const KILL_ENGINES_MS = 9_500;
const SETTLED_MS = 300;
const NPM_CHECK_MS = 200;
const MOST_CONNECTIONS = 1_000;
const SPARE_CONNECTIONS = 20;

export interface Given {
  env: Environment;
  config: Config;
}

/** Starts what is missing, keeps it running, and stops it in order. */
export class Supervisor {
  private readonly ending = new AbortController();
  private code = 0;
  private firstSignal = 0;
  private lock: Server | undefined;
  private engines: Engines | undefined;
  private workers: Workers | undefined;

  private config: Config;
  private env: Environment;

  constructor(
    given: Given,
    private readonly log: Log,
    private readonly args: string[],
    private readonly read: () => Given | undefined,
  ) {
    this.config = given.config;
    this.env = given.env;
  }

  /** Resolves with the exit code when everything has ended. */
  async run(): Promise<number> {
    for (const signal of SIGNALS) process.on(signal, () => this.signalled(signal));
    process.on('SIGHUP', () => this.hungUp());
    process.on('uncaughtException', (fault) => this.fail(fault));
    this.followNpm();
    const ending = once(this.ending.signal, 'abort');
    this.start(this.ending.signal).catch((fault: unknown) => this.fail(fault));
    await ending;
    await this.stop();
    this.lock?.close();
    return this.code;
  }

  private async start(signal: AbortSignal): Promise<void> {
    const { config, log, env } = this;
    const { embedded } = config;
    if (embedded.postgres || embedded.redis) this.lock = await lockDataDir(config.DATA_DIR, signal);
    await endLeftStanding(config.DATA_DIR, log, signal);
    const port = await freePort(config.PORT, config.HOST, signal);
    const parts = partsOf(config);
    const maxConnections = Math.min(MOST_CONNECTIONS, (parts.length + 1) * config.PGPOOL_MAX_CONNECTIONS + SPARE_CONNECTIONS);
    const urls = this.lock ? await this.startEngines(maxConnections) : {};
    const values = { ...urls, ...this.own(), PORT: String(port) };
    signal.throwIfAborted();

    await migrate({ ...env, ...childEnvironment(config, 'whole', values) }, log, signal);
    const giveUp = (code: number) => this.end(code);
    const environment = (part: Config['part']) => ({ ...this.env, ...childEnvironment(this.config, part, values) });
    this.workers = new Workers(parts, environment, config.DATA_DIR, this.args, log, giveUp);
    const url = await this.workers.start();
    signal.throwIfAborted();
    const running = this.engines?.runs ?? { postgres: false, redis: false };
    // Whoever waits for this line gets it, however little else is logged.
    createLog({ LOG_LEVEL: 'info', DEBUG: false }, 'supervisor').info({ url, role: config.APP_ROLE, embedded: running }, 'ready');
    if (process.stdout.isTTY) process.stdout.write(`\n  Mutirão answers at ${url}\n  Ctrl-C stops it\n\n`);
    if (this.args.includes('--watch')) this.renewOnChange(this.workers, signal);
  }

  private async startEngines(maxConnections: number): Promise<EngineUrls> {
    const { config, log, env } = this;
    // Loaded only where there are any: it brings a database client along.
    const { Engines } = await import('../embedded/engines.js');
    this.ending.signal.throwIfAborted();
    this.engines = new Engines({ dataDir: config.DATA_DIR, ...config.embedded, maxConnections, env }, log);
    return this.engines.start();
  }

  /** npm passes signals on, except the one it cannot see. */
  private followNpm(): void {
    if (!this.env.npm_lifecycle_script?.includes('exec node scripts/')) return;
    const npm = process.ppid;
    setInterval(() => {
      if (process.ppid !== npm) this.end(0);
    }, NPM_CHECK_MS).unref();
  }

  /** What the operator gave beside the private engines, and what is made for them. */
  private own(): Record<string, string> {
    const { CACHE_REDIS_URL, SECRET_KEY, DATA_DIR } = this.config;
    return {
      ...(CACHE_REDIS_URL === undefined ? {} : { CACHE_REDIS_URL }),
      ...(SECRET_KEY === undefined && this.lock ? { SECRET_KEY: secretKey(DATA_DIR) } : {}),
    };
  }

  private renewOnChange(workers: Workers, signal: AbortSignal): void {
    const sources = fileURLToPath(new URL('..', import.meta.url));
    let timer: NodeJS.Timeout | undefined;
    let renewal = Promise.resolve();
    watch(sources, { recursive: true, signal }, () => {
      // A compiler writes many files for one change.
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.log.info('sources changed, new processes take over');
        renewal = renewal.then(() => workers.renew());
      }, SETTLED_MS);
    });
  }

  private async stop(): Promise<void> {
    const began = performance.now();
    const killing = setTimeout(() => this.workers?.kill(), KILL_PROCESSES_MS);
    await this.workers?.stop();
    clearTimeout(killing);
    const passed = performance.now() - began;
    await this.engines?.stop(QUIT_ENGINES_MS - passed, KILL_ENGINES_MS - passed);
  }

  private signalled(signal: NodeJS.Signals): void {
    if (!this.ending.signal.aborted) {
      this.log.info({ signal }, 'stopping');
      this.firstSignal = performance.now();
      this.end(0);
    } else if (performance.now() - this.firstSignal > SAME_SIGNAL_MS) {
      this.workers?.kill();
      void this.engines?.stop(0, SETTLED_MS);
    }
  }

  /** A terminal that closes ends what was started in it; anywhere else it is the order to begin anew with what is configured now. */
  private hungUp(): void {
    if (process.stdin.isTTY || process.stdout.isTTY) return this.signalled('SIGHUP');
    if (this.ending.signal.aborted || !this.workers) return;
    const given = this.read();
    if (!given) return this.log.error('what is configured now is refused: the processes stay as they are');
    const lasting = Object.fromEntries(LASTING.map((name) => [name, this.env[name]]));
    this.env = { ...given.env, ...lasting };
    this.config = {
      ...given.config,
      ...Object.fromEntries(LASTING.map((name) => [name, this.config[name]])),
      embedded: this.config.embedded,
    };
    this.log.info('new processes take over');
    void this.workers.renew().then(() => this.log.info('all processes are new'));
  }

  private fail(fault: unknown): void {
    if (this.ending.signal.aborted) return;
    if (fault instanceof CannotStart || fault instanceof EngineFailed) process.stderr.write(`${fault.message}\n`);
    else this.log.fatal({ err: fault }, 'the supervisor failed');
    this.end(fault instanceof CannotStart ? fault.code : 1);
  }

  private end(code: number): void {
    if (this.ending.signal.aborted) return;
    this.code = code;
    this.ending.abort();
  }
}

/** One process does everything; several leave the background to one of their own. */
function partsOf(config: Config): Config['part'][] {
  const count = workerCount(config);
  if (config.APP_ROLE !== 'all' || count === 1) return Array.from({ length: count }, () => 'whole' as const);
  return [...Array.from({ length: count }, () => 'requests' as const), 'background'];
}
