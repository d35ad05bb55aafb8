import { Body, Controller, Put, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../../http/caller.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { concurrencyShape, type ConcurrencyBody } from './jobs.dto.js';
import { jobWords } from './jobs.words.js';
import { LineStore } from './line/line.store.js';

@Controller('api/v1/queues/audio')
export class AudioConcurrencyController {
  constructor(private readonly line: LineStore) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(jobWords.concurrency)
  @Put('concurrency')
  set(@Req() request: FastifyRequest, @Body({ schema: concurrencyShape }) { atOnce }: ConcurrencyBody) {
    return this.line.setConcurrency(callerOf(request).id, atOnce);
  }
}
