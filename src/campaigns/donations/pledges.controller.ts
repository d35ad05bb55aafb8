import { Body, Controller, Get, Headers, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bareListQuery, Cursors, type BareListQuery } from '../../http/lists.js';
import { Policy } from '../../http/policy.js';
import { PROBLEM_TYPE } from '../../http/problem.js';
import { Says } from '../../http/says.js';
import { Refusal } from '../../kernel/problems.js';
import { keptOfOne } from '../campaigns.policies.js';
import { Campaigns } from '../campaigns.service.js';
import type { Payment } from '../payments/provider.js';
import { behaviourShape, pledgeShape, type PledgeBody } from './donations.dto.js';
import { DonationsStore } from './donations.store.js';
import { donationWords, paymentOf, shownOf } from './donations.words.js';
import { Pledges } from './pledges.service.js';

const FEED_SECONDS = 900;
const JSON_TYPE = 'application/json; charset=utf-8';

@Controller('api/v1/campaigns/:id/donations')
export class PledgesController {
  constructor(
    private readonly pledges: Pledges,
    private readonly campaigns: Campaigns,
    private readonly store: DonationsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'public', pace: 'browse' })
  @Says(donationWords.give)
  @Post()
  async give(
    @Req() request: FastifyRequest,
    @Param('id') idOrSlug: string,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Headers('x-sandbox-behaviour') behaviour: string | undefined,
    @Body({ schema: pledgeShape }) body: PledgeBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { caller, id: requestId, originalUrl } = request;
    const wished = behaviourShape.safeParse(behaviour);
    if (!wished.success) throw new Refusal('validation_failed', 'The header X-Sandbox-Behaviour is not valid.');
    const path = originalUrl.split('?', 1)[0] ?? '';
    const answered = await this.pledges
      .give({ caller, campaign: idOrSlug, idempotencyKey, body, behaviour: wished.data, requestId, path })
      .catch((fault: unknown) => {
        if (fault instanceof Refusal && fault.code === 'idempotency_in_progress') reply.header('retry-after', '1');
        throw fault;
      });
    if (answered.replayed) reply.header('idempotency-replayed', 'true');
    reply.status(answered.status).type(answered.status === 201 ? JSON_TYPE : PROBLEM_TYPE);
    return answered.status === 201 ? withPicture(answered.body) : answered.body;
  }

  @Policy(keptOfOne(FEED_SECONDS, 'limit', 'cursor'))
  @Says(donationWords.feed)
  @Get()
  async feed(
    @Req() { caller }: FastifyRequest,
    @Param('id') idOrSlug: string,
    @Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery,
  ) {
    const { id } = await this.campaigns.seenBy(caller, idOrSlug);
    const list = `donations ${id}`;
    const rows = await this.store.shown(id, this.cursors.read(list, cursor), limit + 1);
    const { items, nextCursor } = this.cursors.slice(list, rows, limit, ({ place }) => place);
    return { items: items.map(shownOf), nextCursor };
  }
}

function withPicture(body: string): string {
  const answer = JSON.parse(body) as { payment: Payment };
  return JSON.stringify({ ...answer, payment: paymentOf(answer.payment) });
}
