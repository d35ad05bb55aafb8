import { Controller, Get, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { exposition, EXPOSITION_TYPE } from '../observability/exposition.js';
import { Figures } from './figures.service.js';
import { healthWords } from './health.words.js';
import { MetricsGuard } from './metrics.guard.js';

@Controller('metrics')
export class MetricsController {
  constructor(private readonly figures: Figures) {}

  /** Open to strangers, as its guard looks at addresses, too. */
  @Policy({ access: 'public', pace: 'none', scope: 'metrics' })
  @Says(healthWords.metrics)
  @UseGuards(MetricsGuard)
  @Get()
  async show(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const families = await this.figures.all();
    reply.type(EXPOSITION_TYPE);
    return exposition(families);
  }
}
