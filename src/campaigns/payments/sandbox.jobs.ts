import { once } from 'node:events';
import { request as http, type IncomingMessage, type Server } from 'node:http';
import { request as https } from 'node:https';
import { finished } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { CONFIG } from '../../config/config.module.js';
import { publicUrl, servesApi, type Config } from '../../config/config.js';
import { HandlesJob, type JobRun } from '../../outbox/handlers.js';
import { sandboxNotice, type Behaviour, type SandboxNotice } from './sandbox.queue.js';
import { SandboxProvider } from './sandbox.provider.js';
import type { SandboxEvent } from './payments.dto.js';

type Told = Pick<SandboxEvent, 'id' | 'type'>;

/** What it tells of one payment, in the order in which it does. */
const stories: Record<Behaviour, (id: string) => Told[]> = {
  pay: (id) => [{ id: `${id}:1`, type: 'payment.paid' }],
  late: (id) => [{ id: `${id}:1`, type: 'payment.paid' }],
  fail: (id) => [{ id: `${id}:1`, type: 'payment.failed' }],
  doubled: (id) => [1, 1, 2].map((n) => ({ id: `${id}:${n}`, type: 'payment.paid' })),
  reordered: (id) => [
    { id: `${id}:2`, type: 'payment.paid' },
    { id: `${id}:1`, type: 'payment.failed' },
  ],
  never: () => [],
};

/** Posts the sandbox's own webhooks, over HTTP like any provider. */
@Injectable()
export class SandboxNotices {
  constructor(
    private readonly sandbox: SandboxProvider,
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @HandlesJob(sandboxNotice)
  async notice({ donationId, amountCents, behaviour }: SandboxNotice, run: JobRun): Promise<void> {
    for (const { id, type } of stories[behaviour](donationId))
      await this.post({ id, type, donationId, amountCents, currency: 'BRL', reference: `sandbox:${donationId}` }, run.signal);
  }

  private async post(event: SandboxEvent, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify(event);
    const headers = { 'content-type': 'application/json', 'x-sandbox-signature': this.sandbox.sign(body) };
    const address = `${this.base()}/api/v1/payments/webhooks/sandbox`;
    // Not by `fetch`, which costs more than all else in a notice.
    const ask = (address.startsWith('https:') ? https : http)(address, { method: 'POST', headers, signal });
    const [answer] = (await once(ask.end(body), 'response')) as [IncomingMessage];
    await finished(answer.resume());
    const { statusCode = 0 } = answer;
    if (statusCode < 200 || statusCode > 299) throw new Error(`the webhook was answered with ${statusCode}`);
  }

  /** Of this process where it listens itself, as nobody knows it better. */
  private base(): string {
    const address = servesApi(this.config) ? this.host.httpAdapter.getHttpServer<Server>().address() : null;
    if (typeof address !== 'object' || address === null) return publicUrl(this.config).replace(/\/+$/, '');
    return publicUrl({ HOST: this.config.HOST, PORT: address.port, PUBLIC_URL: undefined });
  }
}
