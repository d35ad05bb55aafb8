import { Controller, Get, Query } from '@nestjs/common';
import { Cursors } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { mailboxQueryShape, type MailboxQuery } from './mailbox.dto.js';
import { mailboxWords } from './mailbox.words.js';
import { MailsStore } from './mails.store.js';

@Controller('api/v1/ops/mailbox')
export class MailboxController {
  constructor(
    private readonly mails: MailsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(mailboxWords.list)
  @Get()
  list(@Query({ schema: mailboxQueryShape }) { to, ...asked }: MailboxQuery) {
    return this.cursors.paged(
      `mailbox ${to ?? ''}`,
      asked,
      (from) => this.mails.kept(to, from),
      () => this.mails.countKept(to),
    );
  }
}
