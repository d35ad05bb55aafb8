/** A line of work in Bull and in the outbox, with its own pace. */
export interface QueueContract {
  name: string;
  /** Jobs at once in each process. */
  concurrency: number;
}

export interface JobContract<P> {
  queue: QueueContract;
  name: string;
  /** Failures after which a job is a dead letter. */
  attempts: number;
  /** Longest time of one run. */
  timeoutMs: number;
  backoff: { firstMs: number; mostMs: number };
  /** Only there to carry the type of what the job is given. */
  readonly payload?: P;
}

const queues = new Map<string, QueueContract>();
const jobs = new Map<string, JobContract<unknown>>();

export function defineQueue(queue: QueueContract): QueueContract {
  if (queues.has(queue.name)) throw new Error(`queue ${queue.name} is defined twice`);
  queues.set(queue.name, queue);
  return queue;
}

type JobWords = Pick<JobContract<unknown>, 'queue' | 'name'> & Partial<Omit<JobContract<unknown>, 'queue' | 'name' | 'payload'>>;

export function defineJob<P>(words: JobWords): JobContract<P> {
  if (jobs.has(words.name)) throw new Error(`job ${words.name} is defined twice`);
  const job: JobContract<P> = { attempts: 8, timeoutMs: 60_000, backoff: { firstMs: 1_000, mostMs: 600_000 }, ...words };
  jobs.set(job.name, job);
  return job;
}

export const allQueues = (): QueueContract[] => [...queues.values()];
export const allJobs = (): JobContract<unknown>[] => [...jobs.values()];
export const jobNamed = (name: string): JobContract<unknown> | undefined => jobs.get(name);

export const priorities = ['low', 'normal', 'high'] as const;
export type Priority = (typeof priorities)[number];

/**
 * Ageing as a fixed handicap: a job waits as if it had come this much later, so that a low one
 * is overtaken by higher ones for two minutes and by none after that.
 */
export const handicapSeconds: Record<Priority, number> = { low: 120, normal: 30, high: 0 };
export const MOST_HANDICAP_SECONDS = handicapSeconds.low;

/** Doubling from the first wait to the longest, each at random between its half and its whole. */
export function waitAfter(failures: number, { firstMs, mostMs }: JobContract<unknown>['backoff'], random = Math.random()): number {
  const whole = Math.min(mostMs, firstMs * 2 ** (failures - 1));
  return Math.round(whole * (0.5 + random / 2));
}
