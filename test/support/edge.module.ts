import { Readable } from 'node:stream';
import { BadRequestException, Body, Controller, Get, HttpException, Module, Post, Query, StreamableFile } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Policy } from '../../src/http/policy.js';
import { Refusal } from '../../src/kernel/problems.js';
import { RedisAway } from '../../src/redis/redis.client.js';

const fault = (message: string, facts: object) => Object.assign(new Error(message), facts);

const failures = {
  secret: new Error('password=word-of-secret in SELECT word-of-sql'),
  word: 'just a word-of-secret',
  nothing: undefined,
  upstream: fault('word-of-secret is not your key', { statusCode: 401 }),
  teapot: new HttpException('word-of-secret', 418),
  gateway: new HttpException('word-of-secret', 502),
  refusal: new Refusal('not_found', 'No such thing.'),
  http: new BadRequestException('word-of-secret'),
  redis: new RedisAway('redis is away'),
  socket: fault('connect ECONNREFUSED 10.1.2.3:5432', { code: 'ECONNREFUSED' }),
  wrapped: new Error('fetch failed', { cause: fault('getaddrinfo', { code: 'ENOTFOUND' }) }),
};

export type Failure = keyof typeof failures;

const giftShape = z.strictObject({
  amountCents: z.int().min(100),
  donor: z.strictObject({ name: z.string() }).optional(),
});
const pageShape = z.object({ limit: z.coerce.number().int().min(1).max(100).default(20) });

const open = { access: 'public', pace: 'none' } as const;

/** Ways to fail, as a feature may. */
@Controller('edge')
export class EdgeController {
  constructor(private readonly db: DataSource) {}

  @Policy(open)
  @Get('fail')
  fail(@Query('how') how: Failure): Observable<never> {
    return throwError(() => failures[how]);
  }

  @Policy(open)
  @Get('sql')
  sql(@Query('ask') ask: string): Promise<unknown> {
    return this.db.query(ask);
  }

  /** For admins only; nobody can be one here. */
  @Policy({ access: 'admin', pace: 'none' })
  @Get('guarded')
  guarded() {
    return { seen: true };
  }

  @Policy(open)
  @Post('echo')
  echo(@Body() body: unknown) {
    return { body };
  }

  @Policy(open)
  @Post('gifts')
  gifts(@Body({ schema: giftShape }) gift: object) {
    return gift;
  }

  @Policy(open)
  @Get('gifts')
  page(@Query({ schema: pageShape }) page: object) {
    return page;
  }

  /** Breaks off after the first part of the answer. */
  @Policy(open)
  @Get('torn')
  torn(): StreamableFile {
    let parts = 0;
    return new StreamableFile(
      new Readable({
        read() {
          if (parts++ === 0) this.push('part'.repeat(1_000));
          else setTimeout(() => this.destroy(new Error('word-of-secret')), 50);
        },
      }),
    );
  }
}

@Module({ controllers: [EdgeController] })
export class EdgeModule {}
