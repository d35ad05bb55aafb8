import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../../http/caller.js';
import { idOf } from '../../http/ids.js';
import { bareListQuery, Cursors, type BareListQuery } from '../../http/lists.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { organizers } from '../campaigns.policies.js';
import { donationQuery, refundShape, type DonationQuery, type RefundBody } from './donations.dto.js';
import { DonationsStore } from './donations.store.js';
import { donationWords, ownOf, ownWithPaymentOf } from './donations.words.js';
import { Gifts } from './gifts.service.js';
import { Refunds } from './refunds.service.js';

@Controller('api/v1')
export class DonationsController {
  constructor(
    private readonly store: DonationsStore,
    private readonly gifts: Gifts,
    private readonly refunds: Refunds,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'public', pace: 'browse' })
  @Says(donationWords.one)
  @Get('donations/:id')
  async one(@Req() { caller }: FastifyRequest, @Param('id') id: string, @Query({ schema: donationQuery }) { token }: DonationQuery) {
    return ownWithPaymentOf(await this.gifts.ofDonor(idOf(id), caller, token));
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(donationWords.mine)
  @Get('users/me/donations')
  async mine(@Req() request: FastifyRequest, @Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const { id } = callerOf(request);
    const list = `gifts ${id}`;
    const rows = await this.store.ofUser(id, this.cursors.read(list, cursor), limit + 1);
    const { items, nextCursor } = this.cursors.slice(list, rows, limit, (row) => row.id);
    return { items: items.map(ownOf), nextCursor };
  }

  @Policy(organizers)
  @Says(donationWords.refund)
  @HttpCode(202)
  @Post('donations/:id/refund')
  async refund(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: refundShape }) { reason }: RefundBody) {
    return ownOf(await this.refunds.begin(callerOf(request), idOf(id), reason));
  }
}
