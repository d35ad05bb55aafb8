import { realpathSync, rmSync } from 'node:fs';
import { makeFolder } from './folders.js';
import type { Environment } from '../config/config.js';
import { within } from '../kernel/waiting.js';
import type { Log } from '../observability/log.js';
import { Engine, type EnginePlan } from './engine.js';
import { redisProgram } from './install.js';
import { postgresPlan } from './postgres.js';
import { redisPlan, redisUrl } from './redis.js';
import { socketFolder } from './sockets.js';

/** Between the signal that cannot be refused and the end of the process. */
const BURIAL_MS = 250;

export interface EngineOptions {
  dataDir: string;
  postgres: boolean;
  redis: boolean;
  maxConnections: number;
  tuned?: boolean;
  durable?: boolean;
  namespaces?: boolean;
  env: Environment;
}

export type EngineUrls = Partial<Record<'DATABASE_URL' | 'DATABASE_DIRECT_URL' | 'REDIS_URL' | 'CACHE_REDIS_URL', string>>;

/** The private engines of one data folder. Only the holder of the folder's lock may use it. */
export class Engines {
  /** What could be started at all. */
  readonly runs = { postgres: false, redis: false };
  private readonly running: Engine[] = [];
  private sockets: string | undefined;
  private starting: Promise<unknown> = Promise.resolve();
  private readonly stopping = new AbortController();

  constructor(
    private readonly options: EngineOptions,
    private readonly log: Log,
  ) {}

  get pids(): Record<string, number | undefined> {
    return Object.fromEntries(this.running.map((engine) => [engine.name, engine.pid]));
  }

  /** Postgres has to come up; without Redis the system is only degraded. */
  async start(): Promise<EngineUrls> {
    makeFolder(this.options.dataDir);
    const dataDir = realpathSync(this.options.dataDir);
    const sockets = (this.sockets = socketFolder(dataDir));
    const parts = Promise.allSettled([
      this.options.postgres ? this.startPostgres(dataDir, sockets) : {},
      this.options.redis ? this.startRedis(dataDir, sockets) : {},
    ]);
    this.starting = parts;
    const [postgres, redis] = await parts;
    if (postgres.status === 'rejected') throw postgres.reason;
    if (redis.status === 'rejected') throw redis.reason;
    return { ...postgres.value, ...redis.value };
  }

  /** All at once, in order first, at once after `quitAfterMs`, with force after `killAfterMs`. */
  async stop(quitAfterMs = 4_000, killAfterMs = 5_000): Promise<void> {
    this.stopping.abort();
    const ends = this.running.map((engine) => engine.stop(quitAfterMs, killAfterMs));
    await within(killAfterMs + BURIAL_MS, 'engines', Promise.all([this.starting, ...ends])).catch(() => undefined);
    if (this.sockets !== undefined) rmSync(this.sockets, { recursive: true, force: true });
  }

  private async startPostgres(dataDir: string, sockets: string): Promise<EngineUrls> {
    const { maxConnections, tuned = true, durable = true, namespaces = true } = this.options;
    const plan = postgresPlan({ dataDir, sockets, maxConnections, tuned, durable, namespaces }, this.log);
    await this.engine(plan, dataDir).start();
    this.runs.postgres = true;
    return { DATABASE_URL: plan.url, DATABASE_DIRECT_URL: plan.url };
  }

  private async startRedis(dataDir: string, sockets: string): Promise<EngineUrls> {
    const program = await redisProgram(this.options.env, this.log, this.stopping.signal);
    this.stopping.signal.throwIfAborted();
    this.runs.redis = program !== undefined;
    if (program !== undefined)
      await Promise.all(
        (['queue', 'cache'] as const)
          .map((kind) => this.engine(redisPlan(program, dataDir, sockets, kind, this.log), dataDir))
          .map((engine) => engine.start().catch((fault: unknown) => engine.retry(fault))),
      );
    return { REDIS_URL: redisUrl(sockets, 'queue'), CACHE_REDIS_URL: redisUrl(sockets, 'cache') };
  }

  private engine(plan: EnginePlan, dataDir: string): Engine {
    const prepare = (signal: AbortSignal) => {
      // Cleaners of temporary folders may have taken it since the last start.
      socketFolder(dataDir);
      return plan.prepare(signal);
    };
    const engine = new Engine({ ...plan, prepare }, this.log);
    this.running.push(engine);
    return engine;
  }
}
