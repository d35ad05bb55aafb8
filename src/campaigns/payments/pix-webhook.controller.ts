import { Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { isSameProof } from '../../config/keys.js';
import { Transactions } from '../../database/transactions.js';
import { bytesOf, readJson } from '../../http/depth.js';
import { Limits } from '../../http/limits/limits.service.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { Refusal } from '../../kernel/problems.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { lookAtCharge } from './looks.queue.js';
import { paymentWords } from './payments.words.js';
import { donationOf } from './txids.js';

const MOST = 1_000;
/** What is odd in one of them says nothing of the others. */
const told = z.object({ pix: z.array(z.object({ txid: z.string().optional() }).catch({})) }).catch({ pix: [] });

const webhook = { access: 'public', pace: 'webhook', strangers: true } as const;

/** A bank says that something was paid: nothing of it is believed, but each charge that it names is asked about. */
@Controller('api/v1/payments/webhooks/pix')
export class PixWebhookController {
  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    private readonly limits: Limits,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Policy(webhook)
  @Says(paymentWords.pix)
  @HttpCode(200)
  @Post(':secret')
  told(@Param('secret') secret: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.hear(secret, request, reply);
  }

  /** Banks put this behind the address that they were given. */
  @Policy(webhook)
  @Says(paymentWords.pix)
  @HttpCode(200)
  @Post(':secret/pix')
  toldBehind(@Param('secret') secret: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.hear(secret, request, reply);
  }

  private async hear(secret: string, request: FastifyRequest, reply: FastifyReply) {
    const { PAYMENT_PROVIDER = [], PIX_WEBHOOK_SECRET } = this.config;
    const isOpen = PAYMENT_PROVIDER.includes('pix') && PIX_WEBHOOK_SECRET !== undefined;
    if (!isOpen || !isSameProof(secret, PIX_WEBHOOK_SECRET)) {
      await this.limits.ofWrongProof(reply);
      throw new Refusal('unauthenticated', 'This is not the address that the bank was given.');
    }
    const bytes = bytesOf(request);
    // Banks try the address with bodies of their own, or with none, which say nothing.
    const { pix } = told.parse(bytes.length > 0 ? readJson(bytes) : {});
    if (pix.length > MOST) throw new Refusal('too_large', `Send at most ${MOST} payments at a time.`);
    const named = new Set(pix.flatMap(({ txid }) => donationOf(txid ?? '') ?? []));
    if (named.size > 0)
      await this.transactions.run(async (tx) => {
        for (const donationId of named) this.outbox.add(tx, lookAtCharge, { donationId, told: true }, { priority: 'high' });
      });
    return { received: true };
  }
}
