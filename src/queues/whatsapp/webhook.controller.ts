import { Controller, Get, Header, Headers, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { isSameProof } from '../../config/keys.js';
import { bytesOf, readJson } from '../../http/depth.js';
import { Limits } from '../../http/limits/limits.service.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { Refusal } from '../../kernel/problems.js';
import { isSigned } from './provider/webhook.reading.js';
import { challengeQuery, type ChallengeQuery } from './webhook.dto.js';
import { WhatsAppNews } from './webhook.service.js';
import { webhookWords } from './webhook.words.js';

@Controller('api/v1/queues/whatsapp/webhook')
export class WhatsAppWebhookController {
  constructor(
    private readonly news: WhatsAppNews,
    private readonly limits: Limits,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Policy({ access: 'public', pace: 'webhook', strangers: true })
  @Says(webhookWords.challenge)
  @Header('content-type', 'text/plain; charset=utf-8')
  @Get()
  async challenge(@Query({ schema: challengeQuery }) query: ChallengeQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    const { WHATSAPP_VERIFY_TOKEN: token } = this.config;
    const given = query['hub.verify_token'];
    if (token === undefined || query['hub.mode'] !== 'subscribe' || !isSameProof(given, token)) {
      await this.limits.ofWrongProof(reply);
      throw new Refusal('forbidden', 'This is not our verify token.');
    }
    return query['hub.challenge'];
  }

  /** The proof comes first: what a stranger sends is not even read. */
  @Policy({ access: 'public', pace: 'webhook', strangers: true })
  @Says(webhookWords.told)
  @HttpCode(200)
  @Post()
  async told(
    @Req() request: FastifyRequest,
    @Headers('x-hub-signature-256') signature: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const bytes = bytesOf(request);
    const { WHATSAPP_APP_SECRET: secret } = this.config;
    if (secret === undefined || !isSigned(secret, bytes, signature)) {
      await this.limits.ofWrongProof(reply);
      throw new Refusal('unauthenticated', 'The signature is not that of our app.');
    }
    await this.news.take(readJson(bytes));
    return { received: true };
  }
}
