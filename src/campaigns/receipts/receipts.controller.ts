import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { idOf } from '../../http/ids.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { donationQuery, type DonationQuery } from '../donations/donations.dto.js';
import { Gifts } from '../donations/gifts.service.js';
import { Receipts } from './receipts.service.js';
import { checkedOf, receiptWords } from './receipts.words.js';

/** Chrome shows a PDF on a page of its own, which this policy is for as well: https://crbug.com/271452 */
const VIEWED = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'";

@Controller('api/v1')
export class ReceiptsController {
  constructor(
    private readonly gifts: Gifts,
    private readonly receipts: Receipts,
  ) {}

  @Policy({ access: 'public', pace: 'browse' })
  @Says(receiptWords.pdf)
  @Get('donations/:id/receipt.pdf')
  async pdf(
    @Req() { caller }: FastifyRequest,
    @Param('id') id: string,
    @Query({ schema: donationQuery }) { token }: DonationQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const gift = await this.gifts.ofDonor(idOf(id), caller, token);
    const { number, pdf } = await this.receipts.pdfOf(gift.id);
    reply.type('application/pdf').header('content-security-policy', VIEWED);
    reply.header('content-disposition', `inline; filename="recibo-${number}.pdf"`);
    return pdf;
  }

  @Policy({ access: 'public', pace: 'browse' })
  @Says(receiptWords.check)
  @Get('receipts/:number/:proof')
  async check(@Param('number') number: string, @Param('proof') proof: string) {
    return checkedOf(await this.receipts.proven(number, proof));
  }
}
