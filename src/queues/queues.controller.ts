import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { nothing, type Nothing } from '../http/nothing.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { QueuesDesk } from './queues-desk.service.js';
import { queuesQuery, type QueuesQuery } from './queues.dto.js';
import { queuesWords } from './queues.words.js';

const admins = { access: 'admin', pace: 'browse' } as const;

@Controller('api/v1/queues')
export class QueuesController {
  constructor(private readonly desk: QueuesDesk) {}

  @Policy(admins)
  @Says(queuesWords.list)
  @Get()
  async list(@Query({ schema: queuesQuery }) { page = 1, limit }: QueuesQuery) {
    const all = await this.desk.list();
    return { items: all.slice((page - 1) * limit, page * limit), nextCursor: null, total: all.length, page, limit };
  }

  @Policy(admins)
  @Says(queuesWords.pause)
  @HttpCode(200)
  @Post(':name/pause')
  pause(@Req() request: FastifyRequest, @Param('name') name: string, @Body({ schema: nothing }) _: Nothing) {
    return this.desk.pause(callerOf(request).id, name);
  }

  @Policy(admins)
  @Says(queuesWords.resume)
  @HttpCode(200)
  @Post(':name/resume')
  resume(@Req() request: FastifyRequest, @Param('name') name: string, @Body({ schema: nothing }) _: Nothing) {
    return this.desk.resume(callerOf(request).id, name);
  }

  @Policy(admins)
  @Says(queuesWords.retry)
  @HttpCode(200)
  @Post(':name/retry-failed')
  retry(@Req() request: FastifyRequest, @Param('name') name: string, @Body({ schema: nothing }) _: Nothing) {
    return this.desk.retry(callerOf(request).id, name);
  }
}
