import { Controller, Get, Query } from '@nestjs/common';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { mailboxQueryShape, type MailboxQuery } from './mailbox.dto.js';
import { mailboxWords } from './mailbox.words.js';
import { MailsStore } from './mails.store.js';

@Controller('api/v1/ops/mailbox')
export class MailboxController {
  constructor(private readonly mails: MailsStore) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(mailboxWords.list)
  @Get()
  async list(@Query({ schema: mailboxQueryShape }) { to, limit }: MailboxQuery) {
    return { items: await this.mails.kept(limit, to), nextCursor: null };
  }
}
