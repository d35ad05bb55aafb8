import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { untilGone } from '../http/until-gone.js';
import { nothing, type Nothing } from '../http/nothing.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { formatQuery, querySchema, reportQuery, type FormatQuery, type QueryBody, type ReportQuery } from './analytics.dto.js';
import { analyticsWords } from './analytics.words.js';
import { Datasets } from './datasets/datasets.service.js';
import { Refreshes } from './datasets/refreshes.service.js';
import { Engines } from './engine/engines.service.js';
import { Answers } from './reports/answers.service.js';
import { Reports } from './reports/reports.service.js';

/** There are fewer than one part of a list may have. */
const MOST = 100;

@Controller('api/v1/analytics')
export class AnalyticsController {
  constructor(
    private readonly datasets: Datasets,
    private readonly refreshes: Refreshes,
    private readonly engines: Engines,
    private readonly answers: Answers,
    private readonly reports: Reports,
  ) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(analyticsWords.datasets)
  @Get('datasets')
  async list() {
    const [{ items, ...rest }, { network }] = await Promise.all([this.datasets.view(), this.engines.bars()]);
    return { items, nextCursor: null, total: items.length, page: 1, limit: MOST, ...rest, networkBarred: network };
  }

  @Policy({ access: 'admin', pace: 'costly' })
  @Says(analyticsWords.refresh)
  @HttpCode(200)
  @Post('refresh')
  refresh(@Body({ schema: nothing }) _: Nothing) {
    return this.refreshes.order();
  }

  @Policy({ access: 'admin', pace: 'costly' })
  @Says(analyticsWords.query)
  @HttpCode(200)
  @Post('query')
  async query(
    @Body({ schema: querySchema }) { sql }: QueryBody,
    @Query({ schema: formatQuery }) { format }: FormatQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (format !== 'json') return this.answers.file(reply, format, sql, null, 'SQL', 'query');
    return { sql, ...(await this.answers.table(sql, null, 'SQL', untilGone(reply).signal)) };
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(analyticsWords.reports)
  @Get('reports')
  all(@Req() request: FastifyRequest) {
    return { items: this.reports.list(callerOf(request)), nextCursor: null };
  }

  @Policy({ access: 'organizer', pace: 'costly' })
  @Says(analyticsWords.report)
  @Get('reports/:name')
  report(
    @Req() request: FastifyRequest,
    @Param('name') name: string,
    @Query({ schema: reportQuery }) asked: ReportQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.reports.report(callerOf(request), name, asked, reply);
  }
}
