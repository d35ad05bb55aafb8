import { constants, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { counter, type Family, gauge } from '../observability/figures.js';
import { type Measure, Measures } from '../observability/measures.js';
import { version } from './version.js';

const LOOK_MS = 20;
const NANOS = 1e9;
const MICROS = 1e6;

const garbage: Partial<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
};

type Collection = PerformanceEntry & { detail: { kind: number } };

/** What Node tells of its process. */
@Injectable()
@Measures('process')
export class ProcessMeasures implements Measure, OnModuleInit, OnApplicationShutdown {
  private readonly delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  private readonly collected = new Map<string, number>();
  private readonly collections = new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries() as Collection[]) {
      const kind = garbage[detail.kind] ?? 'other';
      this.collected.set(kind, (this.collected.get(kind) ?? 0) + duration / 1_000);
    }
  });

  onModuleInit(): void {
    this.delay.enable();
    this.collections.observe({ entryTypes: ['gc'] });
  }

  onApplicationShutdown(): void {
    this.delay.disable();
    this.collections.disconnect();
  }

  measure(): Family[] {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return [
      gauge('mutirao_build_info', 'What runs', [[{ version, node: process.versions.node }, 1]], 'most'),
      gauge('mutirao_uptime_seconds', 'Age of the process', Math.round(process.uptime()), 'each'),
      counter('mutirao_cpu_seconds_total', 'Time of processors', [
        [{ mode: 'user' }, user / MICROS],
        [{ mode: 'system' }, system / MICROS],
      ]),
      gauge('mutirao_memory_resident_bytes', 'Memory of the process', rss, 'each'),
      gauge('mutirao_memory_heap_bytes', 'What of it holds objects', heapUsed, 'each'),
      this.delays(),
      counter(
        'mutirao_gc_seconds_total',
        'Time of collecting garbage',
        [...this.collected].map(([kind, seconds]) => [{ kind }, seconds] as const),
      ),
    ];
  }

  /** How late its turns came since somebody asked last. */
  private delays(): Family {
    const { delay } = this;
    const late = (nanos: number) => (delay.count === 0 ? 0 : Math.max(0, nanos / NANOS - LOOK_MS / 1_000));
    const values = [
      [{ quantile: '0.5' }, late(delay.percentile(50))],
      [{ quantile: '0.99' }, late(delay.percentile(99))],
      [{ quantile: '1' }, late(delay.max)],
    ] as const;
    delay.reset();
    return gauge('mutirao_event_loop_delay_seconds', 'How late turns of the loop began since it was last asked', values, 'each');
  }
}
