import { Controller, Headers, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bytesOf, readJson } from '../../http/depth.js';
import { Limits } from '../../http/limits/limits.service.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { refusalOf } from '../../http/validation.js';
import { Refusal } from '../../kernel/problems.js';
import { Payments } from './payments.service.js';
import { paymentWords } from './payments.words.js';
import { Providers } from './providers.service.js';
import { SandboxProvider } from './sandbox.provider.js';
import { sandboxEventShape, type SandboxEvent } from './payments.dto.js';

const kinds = { 'payment.paid': 'paid', 'payment.failed': 'failed', 'payment.refunded': 'refunded' } as const satisfies Record<
  SandboxEvent['type'],
  string
>;

@Controller('api/v1/payments/webhooks')
export class WebhooksController {
  constructor(
    private readonly payments: Payments,
    private readonly providers: Providers,
    private readonly sandbox: SandboxProvider,
    private readonly limits: Limits,
  ) {}

  /** The proof comes first: what a stranger sends is not even read. */
  @Policy({ access: 'public', pace: 'webhook', strangers: true })
  @Says(paymentWords.sandbox)
  @HttpCode(200)
  @Post('sandbox')
  async told(
    @Req() request: FastifyRequest,
    @Headers('x-sandbox-signature') signature: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const bytes = bytesOf(request);
    if (!this.providers.named('sandbox')) throw new Refusal('not_found', 'The sandbox takes no money here.');
    if (!this.sandbox.isOurs(bytes, signature)) {
      await this.limits.ofWrongProof(reply);
      throw new Refusal('unauthenticated', 'The signature is not ours, or it is too old.');
    }
    const read = sandboxEventShape.safeParse(readJson(bytes));
    if (!read.success) throw refusalOf(read.error.issues);
    const { id, type, donationId, amountCents, reference } = read.data;
    await this.payments.take({
      provider: 'sandbox',
      eventId: id,
      donationId: donationId.toLowerCase(),
      kind: kinds[type],
      amountCents: amountCents ?? null,
      reference: reference ?? `sandbox:${donationId.toLowerCase()}`,
    });
    return { received: true };
  }
}
