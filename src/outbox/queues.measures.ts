import { Injectable } from '@nestjs/common';
import { type Family, gauge } from '../observability/figures.js';
import { type Measure, Measures } from '../observability/measures.js';
import { etaOf, type Lately, paceOf, type QueueFigures, Queues } from './queues.service.js';

/** However often it is asked, the database is asked once a second. */
const FRESH_MS = 1_000;
const STATES = ['waiting', 'later', 'running', 'dead'] as const;

interface Looked {
  queues: QueueFigures[];
  lately: ReadonlyMap<string, Pick<Lately, 'ended' | 'secondsLeft'>>;
}

@Injectable()
@Measures('system')
export class QueueMeasures implements Measure {
  private askedAt = -Infinity;
  private figures: Promise<Looked> = Promise.resolve({ queues: [], lately: new Map() });

  constructor(private readonly queues: Queues) {}

  async measure(): Promise<Family[]> {
    const now = performance.now();
    if (now > this.askedAt + FRESH_MS) {
      this.askedAt = now;
      this.figures = this.look();
    }
    const { queues, lately } = await this.figures;
    const latelyOf = ({ queue }: QueueFigures) => lately.get(queue) ?? { ended: 0 };
    const jobs = queues.flatMap((figures) => STATES.map((state) => [{ queue: figures.queue, state }, figures[state]] as const));
    const of = (value: (figures: QueueFigures) => number) => queues.map((figures) => [{ queue: figures.queue }, value(figures)] as const);
    const lag = Math.max(0, ...queues.filter(({ paused }) => !paused).map(({ oldestSeconds }) => oldestSeconds));
    return [
      gauge('mutirao_queue_jobs', 'Jobs by queue and state, counted to ten thousand', jobs, 'most'),
      gauge(
        'mutirao_queue_oldest_seconds',
        'For how long the oldest job has been due that is not handed over',
        of((one) => one.oldestSeconds),
        'most',
      ),
      gauge(
        'mutirao_queue_paused',
        'Whether the queue stands still by order',
        of(({ paused }) => Number(paused)),
        'most',
      ),
      gauge(
        'mutirao_queue_per_second',
        'Jobs that ended, in the last minute',
        of((one) => paceOf(latelyOf(one))),
        'most',
      ),
      gauge(
        'mutirao_queue_eta_seconds',
        'When what waits is done at that pace, where it is known',
        queues.flatMap((figures) => {
          const eta = etaOf(figures, latelyOf(figures));
          return eta === null ? [] : [[{ queue: figures.queue }, eta] as const];
        }),
        'most',
      ),
      gauge('mutirao_outbox_lag_seconds', 'The longest of these, of queues that are not paused', lag, 'most'),
    ];
  }

  /** One after the other: a look takes one connection. */
  private async look(): Promise<Looked> {
    return { queues: await this.queues.figures(), lately: await this.queues.lately() };
  }
}
