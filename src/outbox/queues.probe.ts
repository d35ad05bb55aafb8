import { Injectable } from '@nestjs/common';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';
import { Queues } from './queues.service.js';

const STANDSTILL_SECONDS = 60;

@Injectable()
@Probe({ name: 'queues', whenDown: 'degraded' })
export class QueuesProbe implements HealthProbe {
  constructor(private readonly queues: Queues) {}

  async check(): Promise<Record<string, unknown>> {
    const figures = await this.queues.figures();
    const facts = Object.fromEntries(
      // Why a queue is paused is for its operators.
      figures.map(({ queue, why: _why, idleSeconds: _idle, secondsEach: _each, ...rest }) => [
        queue,
        { ...rest, oldestSeconds: Math.round(rest.oldestSeconds) },
      ]),
    );
    const late = figures.filter(({ paused, idleSeconds }) => !paused && idleSeconds > STANDSTILL_SECONDS).map(({ queue }) => queue);
    if (late.length > 0) throw new ProbeDown(`work has waited for over a minute in ${late.join(', ')}`, facts);
    return facts;
  }
}
