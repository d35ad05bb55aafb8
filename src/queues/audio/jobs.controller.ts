import { Controller, Delete, Get, Headers, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../../http/caller.js';
import { eventStream, tellStream, whileThere } from '../../http/event-stream.js';
import { idOf } from '../../http/ids.js';
import { Cursors } from '../../http/lists.js';
import { Policy } from '../../http/policy.js';
import { partOf } from '../../http/ranges.js';
import { Readiness } from '../../http/readiness.js';
import { Says } from '../../http/says.js';
import { Refusal } from '../../kernel/problems.js';
import { itemOf, jobOf, jobsQuery, type JobsQuery } from './jobs.dto.js';
import { AudioJobs } from './jobs.service.js';
import { JobsStore, type JobView } from './jobs.store.js';
import { jobWords } from './jobs.words.js';
import { Promises } from './line/promises.service.js';
import { hasEnded } from './states.js';
import { Watch } from './watch.service.js';

const MOST_STREAMS = 5;
const VIEWED = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

@Controller('api/v1/queues/audio/jobs')
export class AudioJobsController {
  private readonly streams = new Map<string, number>();

  constructor(
    private readonly jobs: AudioJobs,
    private readonly store: JobsStore,
    private readonly promises: Promises,
    private readonly watch: Watch,
    private readonly cursors: Cursors,
    private readonly readiness: Readiness,
  ) {}

  @Policy({ access: 'signed-in', pace: 'costly', uploads: true })
  @Says(jobWords.send)
  @HttpCode(202)
  @Post()
  send(@Req() request: FastifyRequest) {
    return this.jobs.take(request);
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(jobWords.list)
  @Get()
  async list(@Req() request: FastifyRequest, @Query({ schema: jobsQuery }) { limit, cursor, status }: JobsQuery) {
    const { id: ownerId } = callerOf(request);
    const list = `audio ${ownerId} ${status ?? ''}`;
    const rows = await this.store.list(ownerId, status, this.cursors.read(list, cursor), limit + 1);
    return this.cursors.slice(list, rows.map(itemOf), limit, (row) => row.id);
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(jobWords.one)
  @Get(':id')
  async one(@Req() request: FastifyRequest, @Param('id') id: string) {
    const job = await this.jobs.ownedBy(callerOf(request), idOf(id));
    return jobOf(job, await this.promises.of(job));
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(jobWords.events)
  @Get(':id/events')
  async events(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Headers('last-event-id') lastHeard: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const caller = callerOf(request);
    const job = await this.jobs.ownedBy(caller, idOf(id));
    // Nobody numbered what is no number.
    const after = /^\d{1,9}$/.test(lastHeard ?? '') ? Number(lastHeard) : 0;
    if (hasEnded(job.state) && after >= job.seq) {
      void reply.status(204);
      return undefined;
    }
    // Whoever follows it comes again with what he heard last, and is told the rest by another process.
    const gone = whileThere(reply, this.readiness.leaving);
    this.oneOfFew(caller.id, gone);
    tellStream(reply);
    return eventStream(this.eventsOf(job, after, gone));
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(jobWords.end)
  @HttpCode(204)
  @Delete(':id')
  async end(@Req() request: FastifyRequest, @Param('id') id: string) {
    await this.jobs.end(callerOf(request), idOf(id));
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(jobWords.waveform)
  @Get(':id/waveform.svg')
  async waveform(@Req() request: FastifyRequest, @Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const { bytes, stream } = await this.jobs.piece(callerOf(request), idOf(id), 'waveform');
    reply.type('image/svg+xml; charset=utf-8').header('content-length', bytes).header('content-security-policy', VIEWED);
    return stream;
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(jobWords.normalized)
  @Get(':id/normalized')
  async normalized(@Req() request: FastifyRequest, @Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    // It is made once, and stays as it is.
    const tag = `"${idOf(id)}"`;
    const { range, 'if-range': ifRange = tag } = request.headers;
    const isPart = request.method === 'GET' && ifRange === tag;
    const choose = (bytes: number) => partOf(isPart ? range : undefined, bytes);
    const { bytes, part, stream } = await this.jobs.piece(callerOf(request), idOf(id), 'normalized', choose);
    reply.type('audio/ogg; codecs=opus').headers({ 'accept-ranges': 'bytes', etag: tag });
    reply.header('content-disposition', `inline; filename="${idOf(id)}.ogg"`);
    reply.header('content-length', part ? part.to - part.from + 1 : bytes);
    if (part) void reply.status(206).header('content-range', `bytes ${part.from}-${part.to}/${bytes}`);
    return stream;
  }

  private async *eventsOf(job: JobView, after: number, gone: AbortSignal): AsyncGenerator<string, void, void> {
    for await (const { seq, status, progress, at } of this.watch.follow(job.id, after, gone)) {
      const event = { id: job.id, status, progress: Number(progress.toFixed(3)), at };
      const more = status === 'running' ? {} : await this.more(job.id, status);
      const name = status === 'running' && progress > 0 ? 'progress' : 'status';
      yield `id: ${seq}\nevent: ${name}\ndata: ${JSON.stringify({ ...event, ...more })}\n\n`;
    }
  }

  private async more(id: string, status: JobView['state']): Promise<object> {
    const job = await this.store.find(id);
    if (!job) return {};
    if (hasEnded(status)) return { error: itemOf(job).error, result: itemOf(job).result };
    const { error } = itemOf(job);
    return { ...(await this.promises.of(job)), ...(error && { error }) };
  }

  private oneOfFew(userId: string, gone: AbortSignal): void {
    const others = this.streams.get(userId) ?? 0;
    if (others >= MOST_STREAMS)
      throw new Refusal('too_many_streams', `At most ${MOST_STREAMS} of your recordings are followed at once.`, undefined, {
        'retry-after': '5',
      });
    if (gone.aborted) return;
    this.streams.set(userId, others + 1);
    gone.addEventListener('abort', () => {
      const left = this.streams.get(userId)! - 1;
      if (left > 0) this.streams.set(userId, left);
      else this.streams.delete(userId);
    });
  }
}
