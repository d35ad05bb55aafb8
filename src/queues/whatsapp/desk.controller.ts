import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { barePagedQuery, Cursors, type BarePagedQuery } from '../../http/lists.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { deskWords } from './desk.words.js';
import { RecipientsStore } from './recipients.store.js';
import { Templates } from './templates.service.js';
import { ToldStore } from './told.store.js';

/** What people wrote, who wants no more, and which templates there are. */
@Controller('api/v1/queues/whatsapp')
export class WhatsAppDeskController {
  constructor(
    private readonly told: ToldStore,
    private readonly recipients: RecipientsStore,
    private readonly templates: Templates,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(deskWords.inbound)
  @Get('inbound')
  async inbound(@Query({ schema: barePagedQuery }) asked: BarePagedQuery) {
    const found = await this.cursors.paged(
      'inbound',
      asked,
      (from) => this.told.inbound(from),
      () => this.told.countInbound(),
    );
    return { ...found, items: found.items.map(({ phone, ...rest }) => ({ ...rest, from: phone })) };
  }

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(deskWords.optOuts)
  @Get('opt-outs')
  async optOuts(@Query({ schema: barePagedQuery }) asked: BarePagedQuery) {
    const found = await this.cursors.paged(
      'opt-outs',
      asked,
      (from) => this.recipients.optedOut(from),
      () => this.recipients.countOptedOut(),
      ({ at, id }) => `${at.toISOString()} ${id}`,
    );
    return { ...found, items: found.items.map(({ id, at }) => ({ phone: id, at })) };
  }

  @Policy({ access: 'organizer', pace: 'browse' })
  @Says(deskWords.templates)
  @Get('templates')
  async list() {
    return { items: await this.templates.list(), nextCursor: null };
  }

  @Policy({ access: 'admin', pace: 'costly' })
  @Says(deskWords.sync)
  @HttpCode(200)
  @Post('templates/sync')
  async sync() {
    await this.templates.sync();
    return this.list();
  }
}
