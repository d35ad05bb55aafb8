import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import { type Config, mostMemory, workerCount } from '../config/config.js';
import { hardware, workersFor } from '../config/hardware.js';
import { REQUEST_BOUNDS_SECONDS } from '../http/requests.js';
import { QueuesDesk } from '../queues/queues-desk.service.js';
import { AlertsStore } from './alerts/alerts.store.js';
import { quantile } from './alerts/rules.js';
import { alertOf } from './alerts/alerts.dto.js';
import { headroomOf } from './headroom.js';
import { type SampleWithFacts, SamplesStore } from './samples.store.js';
import type { ScalingView } from './scaling.dto.js';
import { Watch } from './watch.service.js';

const LATELY_SECONDS = 60;
const FRESH_SECONDS = 10;

interface Pair {
  now: SampleWithFacts;
  /** The same where there is only one yet. */
  before: SampleWithFacts;
}

/** The whole system now, over all instances, whichever is asked. */
@Injectable()
export class Scaling {
  constructor(
    private readonly samples: SamplesStore,
    private readonly watch: Watch,
    private readonly queues: QueuesDesk,
    private readonly alerts: AlertsStore,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async view(): Promise<ScalingView> {
    // Right after a start nobody has looked yet.
    await this.watch.look(FRESH_SECONDS);
    const [samples, queues, firing] = await Promise.all([this.samples.recent(LATELY_SECONDS), this.queues.list(), this.alerts.firing()]);
    const pairs = pairsOf(samples);
    const sum = (value: (pair: Pair) => number) => pairs.reduce((all, pair) => all + value(pair), 0);
    const most = (value: (pair: Pair) => number) => pairs.reduce((top, pair) => Math.max(top, value(pair)), 0);
    const grown = (value: (sample: SampleWithFacts) => number) => sum(({ now, before }) => value(now) - value(before));
    const perSecond = (value: (sample: SampleWithFacts) => number) =>
      sum(({ now, before }) => (before.age > now.age ? (value(now) - value(before)) / (before.age - now.age) : 0));

    const requests = grown((one) => one.requests);
    const requestsPerSecond = perSecond((one) => one.requests);
    const durations = REQUEST_BOUNDS_SECONDS.concat(0).map((_bound, box) => grown((one) => one.durations[box] ?? 0));
    const within = (part: number) => Math.round(quantile(durations, REQUEST_BOUNDS_SECONDS, part) * 1_000);
    const [hits, misses] = [grown((one) => one.facts.cache.hits), grown((one) => one.facts.cache.misses)];
    const cores = coresOf(pairs);
    const cpu = most(({ now, before }) =>
      now.allSeconds > before.allSeconds ? (now.busySeconds - before.busySeconds) / (now.allSeconds - before.allSeconds) : 0,
    );
    const pool = {
      open: sum(({ now }) => now.facts.pool.open),
      idle: sum(({ now }) => now.facts.pool.idle),
      most: sum(({ now }) => now.facts.pool.most),
      waiting: sum(({ now }) => now.facts.pool.waiting),
      serverTaken: most(({ now }) => now.connections),
    };
    const memory = most(({ now }) => now.memory);
    return {
      at: new Date().toISOString(),
      workers: {
        instances: pairs.length,
        processes: sum(({ now }) => now.facts.processes.answered),
        silent: sum(({ now }) => now.facts.processes.silent),
        byInstance: pairs.map(({ now }) => ({
          instance: now.instance,
          role: now.facts.role,
          version: now.facts.version,
          processes: now.facts.processes.answered,
        })),
      },
      requestsPerSecond,
      latency: { p50Ms: within(0.5), p95Ms: within(0.95), p99Ms: within(0.99) },
      errorRate: requests > 0 ? grown((one) => one.errors) / requests : 0,
      eventLoop: { lateMs: Math.round(most(({ now }) => now.facts.eventLoopSeconds) * 1_000) },
      pool,
      cache: { hitsPerSecond: perSecond((one) => one.facts.cache.hits), hitRatio: hits + misses > 0 ? hits / (hits + misses) : null },
      limiter: {
        passedPerSecond: perSecond((one) => one.facts.limiter.passed),
        refusedPerSecond: perSecond((one) => one.facts.limiter.refused),
      },
      queues,
      alerts: firing.map(alertOf),
      hardware: { ...this.ownHardware(), cpu, memory },
      headroom: headroomOf({
        requestsPerSecond,
        requests,
        cpuSeconds: grown((one) => one.facts.cpuSeconds),
        cores,
        processes: sum(({ now }) => now.facts.processes.answered),
        cpu,
        memory,
        pool: { busy: pool.open - pool.idle, most: pool.most },
        connections: pool.serverTaken,
      }),
    };
  }

  private ownHardware() {
    const machine = hardware();
    const { count, because } = workersFor(machine);
    return {
      cores: machine.cores,
      memoryBytes: machine.memoryBytes,
      from: machine.from,
      derived: {
        workersAuto: count,
        because,
        workers: workerCount(this.config),
        memoryCeilingBytes: mostMemory(this.config),
        poolPerProcess: this.config.PGPOOL_MAX_CONNECTIONS,
      },
    };
  }
}

/** The newest and the oldest of each instance that is still there. */
function pairsOf(samples: readonly SampleWithFacts[]): Pair[] {
  const found = new Map<string, Pair>();
  for (const sample of samples) {
    const pair = found.get(sample.instance);
    found.set(sample.instance, pair ? { ...pair, now: sample } : { now: sample, before: sample });
  }
  return [...found.values()].filter(({ now }) => now.age <= FRESH_SECONDS * 2);
}

/** Instances of one machine share its cores. */
function coresOf(pairs: readonly Pair[]): number {
  const byMachine = new Map(pairs.map(({ now }) => [now.instance.split(':')[0], now.facts.hardware.cores]));
  return [...byMachine.values()].reduce((sum, cores) => sum + cores, 0);
}
