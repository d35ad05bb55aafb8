import { type DynamicModule, Global, Inject, Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import type { Config } from '../config/config.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { MailboxController } from './mailbox.controller.js';
import { Mailer } from './mailer.service.js';
import { MailsStore } from './mails.store.js';

@Injectable()
class NoServerWarning implements OnApplicationBootstrap {
  constructor(@Inject(LOG) private readonly log: Log) {}

  onApplicationBootstrap(): void {
    this.log.warn('SMTP_URL is not set: no letter is sent, each becomes a dead letter that can be retried later');
  }
}

@Global()
@Module({})
export class MailModule {
  static of({ ENVIRONMENT, SMTP_URL }: Config, { serves, consumes }: { serves: boolean; consumes: boolean }): DynamicModule {
    const shows = serves && ENVIRONMENT === 'development' && SMTP_URL === undefined;
    const warns = consumes && ENVIRONMENT === 'production' && SMTP_URL === undefined;
    return {
      module: MailModule,
      controllers: shows ? [MailboxController] : [],
      providers: [Mailer, MailsStore, ...(warns ? [NoServerWarning] : [])],
      exports: [Mailer],
    };
  }
}
