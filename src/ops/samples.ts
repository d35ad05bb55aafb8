import { hardware, memoryTaken, processorTime, type Hardware } from '../config/hardware.js';
import { REQUEST_BOUNDS_SECONDS } from '../http/requests.js';
import type { Family } from '../observability/figures.js';

/** What an instance tells of itself beyond what alerts look at. Counts only grow. */
export interface Facts {
  role: string;
  version: string;
  processes: { answered: number; silent: number };
  eventLoopSeconds: number;
  pool: { open: number; idle: number; most: number; waiting: number };
  cache: { hits: number; misses: number };
  limiter: { passed: number; refused: number };
  cpuSeconds: number;
  residentBytes: number;
  hardware: Hardware;
}

export interface Seen {
  busySeconds: number;
  allSeconds: number;
  memory: number;
  requests: number;
  errors: number;
  durations: number[];
  facts: Facts;
}

const REQUESTS = 'mutirao_http_request_duration_seconds';
/** Probes say nothing of people. */
const PROBES = /route="\/(?:health|metrics)/;
/** Answers that are long because they are meant to be. */
const LONG = /route="(?:\/v1\/|\/api\/v1\/ai\/|[^"]*(?:\/stream|\/events|\.csv)")/;
const BOXES = REQUEST_BOUNDS_SECONDS.length + 1;

/** Of what all processes of this instance measured, and of where they run. */
export function seenNow(families: readonly Family[], role: string, version: string): Seen {
  const rows = (name: string) => families.find((family) => family.name === name)?.rows ?? [];
  const all = (name: string, fits = '') =>
    rows(name).reduce((sum, [labels, [value = 0]]) => (labels.includes(fits) ? sum + value : sum), 0);
  const most = (name: string, fits: string) =>
    rows(name).reduce((top, [labels, [value = 0]]) => (labels.includes(fits) ? Math.max(top, value) : top), 0);
  const asked = rows(REQUESTS).filter(([labels]) => !PROBES.test(labels));
  const countOf = (some: typeof asked) => some.reduce((sum, [, values]) => sum + values.slice(0, BOXES).reduce((a, b) => a + b, 0), 0);
  const timed = asked.filter(([labels]) => !LONG.test(labels));
  return {
    ...processorTime(),
    memory: memoryTaken(),
    requests: countOf(asked),
    errors: countOf(asked.filter(([labels]) => labels.includes('status="5'))),
    durations: Array.from({ length: BOXES }, (_none, box) => timed.reduce((sum, [, values]) => sum + (values[box] ?? 0), 0)),
    facts: {
      role,
      version,
      processes: { answered: all('mutirao_processes', '"answered"'), silent: all('mutirao_processes', '"silent"') },
      eventLoopSeconds: most('mutirao_event_loop_delay_seconds', 'quantile="0.99"'),
      pool: {
        open: all('mutirao_database_connections'),
        idle: all('mutirao_database_connections_idle'),
        most: all('mutirao_database_connections_most'),
        waiting: all('mutirao_database_waiting'),
      },
      cache: { hits: all('mutirao_cache_hits_total'), misses: all('mutirao_cache_misses_total') },
      limiter: { passed: all('mutirao_limits_passed_total'), refused: all('mutirao_limits_refused_total') },
      cpuSeconds: all('mutirao_cpu_seconds_total'),
      residentBytes: all('mutirao_memory_resident_bytes'),
      hardware: hardware(),
    },
  };
}
