import 'reflect-metadata';
import { Controller, Get, Global, Module } from '@nestjs/common';
import { loadEnvironment, readConfig } from '../../src/config/config.js';
import { Callers } from '../../src/http/caller.js';
import { Policy } from '../../src/http/policy.js';
import { runRole } from '../../src/run-role.js';
import { page } from './page.js';
import { trustingCallers } from '../support/callers.js';

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
@Module({ controllers: [BenchController], providers: [trustingCallers], exports: [Callers] })
class BenchModule {}

await runRole(() => readConfig(loadEnvironment(process.env)), [BenchModule]);
