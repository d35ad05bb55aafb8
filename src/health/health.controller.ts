import { Controller, Get, Header, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Policy } from '../http/policy.js';
import { Readiness } from '../http/readiness.js';
import { Says } from '../http/says.js';
import { HealthService } from './health.service.js';
import { healthWords } from './health.words.js';

const AGAIN_IN_SECONDS = 5;

/** Asked for ever by machines: never limited, never kept. */
const probe = { access: 'public', pace: 'none' } as const;

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthService,
    private readonly readiness: Readiness,
  ) {}

  @Policy(probe)
  @Says(healthWords.full)
  @Get()
  @Header('cache-control', 'no-store')
  async full(@Res({ passthrough: true }) reply: FastifyReply) {
    const report = await this.health.report();
    if (report.status === 'error') refuse(reply);
    return report;
  }

  @Policy(probe)
  @Says(healthWords.live)
  @Get('live')
  @Header('cache-control', 'no-store')
  live() {
    return { status: 'ok' };
  }

  @Policy(probe)
  @Says(healthWords.ready)
  @Get('ready')
  @Header('cache-control', 'no-store')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const reasons = this.readiness.draining ? ['this process is stopping'] : await this.health.unready();
    if (reasons.length === 0) return { status: 'ok' };
    refuse(reply);
    return { status: 'error', reasons };
  }
}

const refuse = (reply: FastifyReply) => void reply.status(503).header('retry-after', AGAIN_IN_SECONDS);
