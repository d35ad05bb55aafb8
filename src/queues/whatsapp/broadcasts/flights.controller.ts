import { Body, Controller, Get, Headers, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../../../http/caller.js';
import { eventStream, tellStream, whileThere } from '../../../http/event-stream.js';
import { idOf } from '../../../http/ids.js';
import { Policy } from '../../../http/policy.js';
import { Says } from '../../../http/says.js';
import { Templates } from '../templates.service.js';
import { broadcastShape, previewShape, type BroadcastBody, type PreviewBody } from './broadcasts.dto.js';
import { Broadcasts } from './broadcasts.service.js';
import { broadcastWords } from './broadcasts.words.js';
import { Progress } from './progress.service.js';
import { BroadcastReports } from './report.service.js';
import { previewOf } from './wording.js';

/** What is told of a broadcast before it flies, while it does, and after it. */
@Controller('api/v1/queues/whatsapp/broadcasts')
export class FlightsController {
  constructor(
    private readonly broadcasts: Broadcasts,
    private readonly templates: Templates,
    private readonly progress: Progress,
    private readonly reports: BroadcastReports,
  ) {}

  @Policy({ access: 'organizer', pace: 'costly' })
  @Says(broadcastWords.plan)
  @HttpCode(200)
  @Post('plan')
  plan(@Req() request: FastifyRequest, @Body({ schema: broadcastShape }) body: BroadcastBody) {
    return this.broadcasts.plan(callerOf(request), body);
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.preview)
  @HttpCode(200)
  @Post('preview')
  async preview(@Body({ schema: previewShape }) { template }: PreviewBody) {
    await this.templates.mustFit(template);
    return previewOf(template, await this.templates.list());
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.events)
  @Get(':id/events')
  async events(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Headers('last-event-id') lastId: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const caller = callerOf(request);
    const broadcast = await this.broadcasts.seenBy(caller, idOf(id));
    const events = this.progress.watch(caller.id, broadcast, lastId, whileThere(reply));
    tellStream(reply);
    return eventStream(events);
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(broadcastWords.report)
  @Get(':id/report')
  async report(@Req() request: FastifyRequest, @Param('id') id: string) {
    return this.reports.of(await this.broadcasts.seenBy(callerOf(request), idOf(id)));
  }

  @Policy({ access: 'organizer', pace: 'costly' })
  @Says(broadcastWords.table)
  @Get(':id/report.csv')
  async table(@Req() request: FastifyRequest, @Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const table = await this.reports.csv(await this.broadcasts.seenBy(callerOf(request), idOf(id)));
    reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename="broadcast-${idOf(id)}.csv"`);
    return table;
  }
}
