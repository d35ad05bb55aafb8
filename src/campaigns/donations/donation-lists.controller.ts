import { once } from 'node:events';
import { Readable } from 'node:stream';
import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../../http/caller.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { Campaigns } from '../campaigns.service.js';
import { DonationLists } from './donation-lists.service.js';
import { donationWords } from './donations.words.js';

/** Whoever takes nothing for twice as long is left: Node looks again before it ends a connection that has something to send. */
const STALLED_MS = 15_000;

@Controller('api/v1/campaigns/:id/donations.csv')
export class DonationListsController {
  constructor(
    private readonly campaigns: Campaigns,
    private readonly lists: DonationLists,
    @Inject(LOG) private readonly log: Log,
  ) {}

  @Policy({ access: 'organizer', pace: 'costly' })
  @Says(donationWords.list)
  @Get()
  async list(@Req() request: FastifyRequest, @Param('id') idOrSlug: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const { id, slug } = await this.campaigns.ownedBy(callerOf(request), idOrSlug);
    const list = Readable.from(this.lists.ofCampaign(id));
    // A fault of the first batch is thrown here, where it can still become a problem.
    await once(list, 'readable');
    list.on('error', (err) => this.log.error({ requestId: request.id, traceId: request.trace.traceId, err }, 'a list was cut off'));
    reply.raw.setTimeout(STALLED_MS);
    reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename="doacoes-${slug}.csv"`);
    return list;
  }
}
