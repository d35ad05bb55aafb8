import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { eventStream, tellStream, whileThere } from '../http/event-stream.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { pause } from '../kernel/waiting.js';
import { Readiness } from '../http/readiness.js';
import { Refusal } from '../kernel/problems.js';
import { opsWords } from './ops.words.js';
import { Scaling } from './scaling.service.js';

const EVERY_MS = 5_000;
/** Watchers of one process; each asks the database every five seconds. */
const MOST_STREAMS = 20;

@Controller('api/v1/ops/scaling')
export class ScalingController {
  private streams = 0;

  constructor(
    private readonly scaling: Scaling,
    private readonly readiness: Readiness,
  ) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(opsWords.scaling)
  @Get()
  show() {
    return this.scaling.view();
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(opsWords.scalingStream)
  @Get('stream')
  async stream(@Res() reply: FastifyReply): Promise<void> {
    if (this.streams >= MOST_STREAMS) throw new Refusal('too_many_streams', `This process has ${MOST_STREAMS} open.`);
    // Before the stream begins, so that what cannot be told is a problem and no broken stream.
    const first = await this.scaling.view();
    const signal = whileThere(reply);
    this.streams += 1;
    reply.raw.once('close', () => (this.streams -= 1));
    tellStream(reply);
    void reply.send(eventStream(this.events(first, signal)));
  }

  private async *events(first: Awaited<ReturnType<Scaling['view']>>, signal: AbortSignal): AsyncGenerator<string, void, void> {
    yield said('scaling', first);
    for (;;) {
      await pause(EVERY_MS, signal);
      if (signal.aborted || this.readiness.draining) return;
      yield await this.scaling.view().then(
        (view) => said('scaling', view),
        () => said('error', { code: 'dependency_down' }),
      );
    }
  }
}

const said = (event: string, data: object) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
