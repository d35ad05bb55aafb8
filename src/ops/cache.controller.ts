import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { Invalidations } from './invalidations.service.js';
import { invalidationShape, type Invalidation } from './ops.dto.js';
import { opsWords } from './ops.words.js';

@Controller('api/v1/ops/cache')
export class CacheController {
  constructor(private readonly invalidations: Invalidations) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(opsWords.invalidate)
  @HttpCode(200)
  @Post('invalidate')
  invalidate(@Req() request: FastifyRequest, @Body({ schema: invalidationShape }) what: Invalidation) {
    return this.invalidations.drop(callerOf(request).id, what);
  }
}
