import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readiness } from '../http/readiness.js';
import { HealthService } from './health.service.js';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthService,
    private readonly readiness: Readiness,
  ) {}

  @Get()
  async full(@Res({ passthrough: true }) reply: FastifyReply) {
    const report = await this.health.report();
    return answer(reply, report.status === 'error' ? 503 : 200, report);
  }

  @Get('live')
  @HttpCode(200)
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    if (this.readiness.draining) return answer(reply, 503, { status: 'error', reasons: ['this process is stopping'] });
    const reasons = await this.health.unready();
    return answer(reply, reasons.length === 0 ? 200 : 503, reasons.length === 0 ? { status: 'ok' } : { status: 'error', reasons });
  }
}

function answer<T>(reply: FastifyReply, status: number, body: T): T {
  reply.status(status).header('cache-control', 'no-store');
  if (status === 503) reply.header('retry-after', 5);
  return body;
}
