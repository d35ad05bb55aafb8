import 'reflect-metadata';
import { Controller, Get, Global, Injectable, Module } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { loadEnvironment, readConfig } from '../../src/config/config.js';
import { Callers, type Caller } from '../../src/http/caller.js';
import { Policy } from '../../src/http/policy.js';
import { runRole } from '../../src/run-role.js';
import { page } from './page.js';

/** Takes everybody's word: what proving costs is measured where it is done. */
@Injectable()
class TrustingCallers extends Callers {
  async identify({ headers }: FastifyRequest): Promise<Caller> {
    return { id: headers.authorization ?? '', role: 'donor' };
  }
}

@Controller('bench')
class BenchController {
  @Policy({ access: 'public', pace: 'browse' })
  @Get('trivial')
  trivial() {
    return { ok: true };
  }

  @Policy({ access: 'public', pace: 'browse', cache: { seconds: 3_600, audience: 'everyone', tags: () => ['bench'] } })
  @Get('page')
  page() {
    return page;
  }

  @Policy({ access: 'signed-in', pace: 'browse', cache: { seconds: 3_600, audience: 'me', tags: () => ['bench'] } })
  @Get('mine')
  mine() {
    return page;
  }
}

@Global()
@Module({ controllers: [BenchController], providers: [{ provide: Callers, useClass: TrustingCallers }], exports: [Callers] })
class BenchModule {}

await runRole(() => readConfig(loadEnvironment(process.env)), [BenchModule]);
