import { randomBytes } from 'node:crypto';
import { Controller, Get, Global, Header, Module, Param, Post, Query, Req, Res, StreamableFile } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { afterCommit, Transactions } from '../../src/database/transactions.js';
import { Cache } from '../../src/http/cache/cache.service.js';
import { Callers } from '../../src/http/caller.js';
import { type CachePolicy, Policy } from '../../src/http/policy.js';
import { Refusal } from '../../src/kernel/problems.js';
import { pause } from '../../src/kernel/waiting.js';
import { trustingCallers } from './callers.js';

const tagOf = ({ params }: FastifyRequest) => [`note:${(params as { id: string }).id}`];
const cache = { seconds: 60, audience: 'everyone', tags: tagOf } as const satisfies CachePolicy;
const open = { access: 'public', pace: 'none', cache } as const;
const mine = { access: 'signed-in', pace: 'none', cache: { ...cache, audience: 'me' } } as const;

const PADDING = 'padding '.repeat(1_200);
const NOISE = randomBytes(2_000).toString('base64');

/** A feature that exists for tests only: notes with a version, in every way in which a route may be cached. */
@Controller('notes')
export class NotesController {
  private loads = 0;

  constructor(
    private readonly db: DataSource,
    private readonly transactions: Transactions,
    private readonly cached: Cache,
  ) {}

  /** Takes `ms` before and after it reads. */
  @Policy({ ...open, cache: { ...cache, query: ['ms', 'fail'] } })
  @Get(':id')
  async show(@Param('id') id: string, @Query('ms') ms = '0', @Query('fail') fail?: string) {
    this.loads += 1;
    await pause(Number(ms) / 2);
    if (fail) throw new Refusal('conflict');
    const [row] = await this.db.query<[{ version: string }?]>('SELECT version FROM lab_notes WHERE id = $1', [id]);
    await pause(Number(ms) / 2);
    if (!row) throw new Refusal('not_found');
    return { id, version: Number(row.version), loads: this.loads, padding: PADDING };
  }

  /** For everyone, though it tells whom it was made for. */
  @Policy({ ...open, cache: { ...cache, query: ['page', 'sort'] } })
  @Get(':id/list')
  list(@Req() { caller, query }: FastifyRequest) {
    this.loads += 1;
    return { caller: caller?.id, query, loads: this.loads };
  }

  /** There for its owner alone, whose name it bears. */
  @Policy(open)
  @Get(':id/draft')
  draft(@Param('id') id: string, @Req() { caller }: FastifyRequest) {
    this.loads += 1;
    if (caller?.id !== id) throw new Refusal(caller ? 'not_found' : 'unauthenticated');
    return { canary: caller.id, loads: this.loads };
  }

  @Policy(mine)
  @Get(':id/mine')
  async mine(@Req() { caller, headers }: FastifyRequest) {
    this.loads += 1;
    await pause(2);
    const [row] = await this.db.query<[{ version: string }?]>('SELECT version FROM lab_notes WHERE id = $1', [caller?.id]);
    return { canary: caller?.id, proof: headers.authorization, version: Number(row?.version ?? 0), padding: PADDING };
  }

  /** Answers that are not for keeping, or not the usual ones. */
  @Policy({ ...open, cache: { ...cache, query: ['how'] } })
  @Get(':id/odd')
  odd(@Query('how') how: string, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    this.loads += 1;
    if (how === 'cookie') reply.header('set-cookie', `canary=${this.loads}`);
    if (how === 'control') reply.header('cache-control', 'private, max-age=5');
    if (how === 'encoding') reply.header('content-encoding', 'identity');
    if (how === 'vary') reply.header('vary', 'accept-language');
    if (how === 'status') reply.status(203);
    if (how === 'stream') return new StreamableFile(Buffer.from(String(this.loads)));
    if (how === 'nothing') return undefined;
    if (how === 'text') return `text ${this.loads}`;
    if (how === 'short') return { short: true };
    if (how === 'large') return { loads: this.loads, large: 'x'.repeat(4_200_000) };
    if (how === 'noise') return { noise: NOISE };
    if (how === 'headers') reply.header('x-total', '7').header('etag', '"version-7"');
    return { loads: this.loads };
  }

  @Policy(open)
  @Get(':id/declared')
  @Header('cache-control', 'no-store')
  declared() {
    this.loads += 1;
    return { loads: this.loads };
  }

  @Policy({ access: 'public', pace: 'none' })
  @Get(':id/plain')
  plain() {
    return { plain: true };
  }

  @Policy({ access: 'public', pace: 'browse', cache })
  @Get(':id/limited')
  limited() {
    return { limited: true };
  }

  /** Commits the next version and drops the note. With `die` the process ends between the two. */
  @Policy({ access: 'public', pace: 'none' })
  @Post(':id')
  async edit(@Param('id') id: string, @Query('die') die?: string) {
    return this.transactions.run(async (tx) => {
      const [row] = await tx.query<[{ version: string }]>(
        'INSERT INTO lab_notes (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET version = lab_notes.version + 1 RETURNING version',
        [id],
      );
      if (die) afterCommit(tx, () => process.kill(process.pid, 'SIGKILL'));
      this.cached.drop(tx, [`note:${id}`]);
      return { version: Number(row.version) };
    });
  }

  /** Drops, but is never committed. */
  @Policy({ access: 'public', pace: 'none' })
  @Post(':id/failing')
  async failing(@Param('id') id: string) {
    return this.transactions.run(async (tx) => {
      this.cached.drop(tx, [`note:${id}`]);
      throw new Refusal('conflict');
    });
  }

  @Policy({ access: 'public', pace: 'none' })
  @Get(':id/figures')
  figures() {
    return { ...this.cached.figures, loads: this.loads };
  }
}

@Global()
@Module({ controllers: [NotesController], providers: [trustingCallers], exports: [Callers] })
export class CacheLab {}
