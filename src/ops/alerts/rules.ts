/** What one instance saw at one time; what is counted only grows while the instance lives. */
export interface Sample {
  instance: string;
  /** Seconds before now. */
  age: number;
  busySeconds: number;
  allSeconds: number;
  /** Part of the memory that is taken. */
  memory: number;
  requests: number;
  errors: number;
  /** Requests by how long they took, as `bounds` say, and one more for those beyond. */
  durations: readonly number[];
  /** Part of the server's connections that are taken. */
  connections: number;
}

export const rules = {
  cpu: { threshold: 0.8, seconds: 300, says: 'CPU over 80 % for 5 minutes', runbook: 'machine-busy' },
  memory: { threshold: 0.85, seconds: 120, says: 'Memory over 85 % for 2 minutes', runbook: 'machine-busy' },
  database_connections: { threshold: 0.8, seconds: 15, says: 'Over 80 % of the database connections are taken', runbook: 'postgres-slow' },
  error_rate: { threshold: 0.01, seconds: 60, says: 'More than 1 % of requests fail, for 1 minute', runbook: 'errors' },
  response_time: {
    threshold: 2,
    seconds: 30,
    says: 'One request in twenty takes longer than 2 s, for 30 seconds',
    runbook: 'postgres-slow',
  },
} as const;
export type RuleName = keyof typeof rules;
export const ruleNames = Object.keys(rules) as RuleName[];

export interface Verdict {
  /** Held for the whole of its time; not any more, for as long as it takes to believe that; or neither. */
  state: 'firing' | 'quiet' | 'undecided';
  value: number;
  /** Who is worst off, where it is a matter of one. */
  instance: string | null;
}

export const PERIOD_SECONDS = 5;
/** Whoever told nothing for so long is gone, and what he told before is no more of the present. */
const GONE_SECONDS = 4 * PERIOD_SECONDS;
/** What is counted is looked at over this time. */
const WINDOW_SECONDS = 15;
/** Over so long that a moment's rest is not taken for the end. */
const QUIET_SECONDS = 30;
/** Fewer than these say nothing of a rate. */
const LEAST_REQUESTS = 5;
const SLOW_SECONDS = 2;
const SLOW_PART = 0.05;

interface Point {
  age: number;
  value: number;
}

/** Judges a rule by what all instances told. */
export function judge(name: RuleName, samples: readonly Sample[], bounds: readonly number[]): Verdict {
  const living = byInstance(samples).filter(([, own]) => own.at(-1)!.age <= GONE_SECONDS);
  const lines: [string | null, Point[]][] =
    name === 'error_rate' || name === 'response_time'
      ? [
          [
            null,
            together(
              living.map(([, own]) => own),
              (now, before) => rateOf(name, now, before, bounds),
            ),
          ],
        ]
      : living.map(([instance, own]) => [name === 'database_connections' ? null : instance, pointsOf(name, own)]);
  const { threshold, seconds } = rules[name];
  const judged = lines.map(([instance, points]) => ({ instance, points, value: points.at(-1)?.value ?? 0 }));
  const worst = judged.reduce<(typeof judged)[number] | undefined>(
    (most, one) => (most && most.value >= one.value ? most : one),
    undefined,
  );
  const firing = judged.filter(({ points }) => holds(points, seconds, (value) => value > threshold));
  const [first] = firing.sort((a, b) => b.value - a.value);
  if (first) return { state: 'firing', value: first.value, instance: first.instance };
  // Whoever has just begun is believed for as long as he lives, where another was there all the while.
  const isQuiet = (value: number) => value <= threshold;
  const quiet =
    judged.every(({ points }) => points.every(({ age, value }) => age > QUIET_SECONDS || isQuiet(value))) &&
    judged.some(({ points }) => holds(points, QUIET_SECONDS, isQuiet));
  return { state: quiet ? 'quiet' : 'undecided', value: worst?.value ?? 0, instance: worst?.instance ?? null };
}

/** Oldest first, each instance for itself. */
function byInstance(samples: readonly Sample[]): [string, Sample[]][] {
  const found = new Map<string, Sample[]>();
  for (const sample of [...samples].sort((a, b) => b.age - a.age))
    found.set(sample.instance, [...(found.get(sample.instance) ?? []), sample]);
  return [...found];
}

/** True where it was so at every look of that time, and somebody did look all the while. */
function holds(points: readonly Point[], seconds: number, fits: (value: number) => boolean): boolean {
  const first = points.findLastIndex(({ age }) => age >= seconds);
  if (first < 0) return false;
  const within = points.slice(first);
  const ages = [...within.map(({ age }) => age), 0];
  return within.every(({ value }) => fits(value)) && ages.every((age, at) => at === 0 || ages[at - 1]! - age <= GONE_SECONDS);
}

function pointsOf(name: 'cpu' | 'memory' | 'database_connections', own: readonly Sample[]): Point[] {
  if (name === 'memory') return own.map(({ age, memory }) => ({ age, value: memory }));
  if (name === 'database_connections') return own.map(({ age, connections }) => ({ age, value: connections }));
  return own.flatMap((now, at) => {
    const before = own[at - 1];
    if (!before || now.allSeconds <= before.allSeconds) return [];
    return [{ age: now.age, value: Math.max(0, now.busySeconds - before.busySeconds) / (now.allSeconds - before.allSeconds) }];
  });
}

interface Counted {
  requests: number;
  errors: number;
  durations: readonly number[];
}

/** What all counted in the time before each look of any. */
function together(all: readonly Sample[][], rate: (now: Counted, before: Counted) => number): Point[] {
  const ages = [...new Set(all.flatMap((own) => own.slice(1).map(({ age }) => age)))].sort((a, b) => b - a);
  return ages.map((age) => {
    const pairs = all.flatMap((own) => {
      const now = own.findLast((sample) => sample.age >= age);
      if (!now) return [];
      const before = own.findLast((sample) => sample.age >= now.age + WINDOW_SECONDS) ?? own[0]!;
      return [[now, before] as const];
    });
    return { age, value: rate(summed(pairs.map(([now]) => now)), summed(pairs.map(([, before]) => before))) };
  });
}

const summed = (samples: readonly Sample[]): Counted => ({
  requests: samples.reduce((sum, { requests }) => sum + requests, 0),
  errors: samples.reduce((sum, { errors }) => sum + errors, 0),
  durations: samples.reduce<number[]>((sums, { durations }) => durations.map((count, at) => count + (sums[at] ?? 0)), []),
});

function rateOf(name: 'error_rate' | 'response_time', now: Counted, before: Counted, bounds: readonly number[]): number {
  const requests = now.requests - before.requests;
  if (name === 'error_rate') return requests < LEAST_REQUESTS ? 0 : (now.errors - before.errors) / requests;
  const counts = now.durations.map((count, at) => count - (before.durations[at] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0) < LEAST_REQUESTS ? 0 : slowest(counts, bounds);
}

/** The duration that only one request in twenty exceeds: the bound of its box, so that just below is not beyond. */
function slowest(counts: readonly number[], bounds: readonly number[]): number {
  return quantile(counts, bounds, 1 - SLOW_PART);
}

/** By the upper bound of the box in which it lies; what is beyond all of them counts as twice the last. */
export function quantile(counts: readonly number[], bounds: readonly number[], part: number): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all <= 0) return 0;
  let passed = 0;
  for (const [at, count] of counts.entries()) {
    passed += count;
    if (passed >= all * part - 1e-9) return bounds[at] ?? (bounds.at(-1) ?? SLOW_SECONDS) * 2;
  }
  return (bounds.at(-1) ?? SLOW_SECONDS) * 2;
}
