import { type DynamicModule, Module } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import { consumes, servesApi, type Config } from '../../config/config.js';
import { ofBroadcasts } from './broadcasts/broadcasts.providers.js';
import { WhatsAppDeskController } from './desk.controller.js';
import { LineFigures } from './line.figures.js';
import { LineStore } from './line.store.js';
import { MessagesController } from './messages.controller.js';
import { MessagesOfPeople } from './messages.belonging.js';
import { Messages } from './messages.service.js';
import { MessagesStore } from './messages.store.js';
import { OutcomesStore } from './outcomes.store.js';
import { chooseProvider } from './provider/choose.js';
import { RecipientsStore } from './recipients.store.js';
import { Sender } from './sender.service.js';
import { Templates } from './templates.service.js';
import { ThanksByMessage } from './thanks.jobs.js';
import { ToldStore } from './told.store.js';
import { WhatsAppWebhookController } from './webhook.controller.js';
import { WhatsAppNews } from './webhook.service.js';
import { WHATSAPP_PROVIDER } from './whatsapp.queue.js';

const controllers = [MessagesController, WhatsAppDeskController, WhatsAppWebhookController, ...ofBroadcasts.controllers];

@Module({})
export class WhatsAppModule {
  static of(config: Config): DynamicModule {
    return {
      module: WhatsAppModule,
      controllers: servesApi(config) ? controllers : [],
      providers: [
        { provide: WHATSAPP_PROVIDER, useFactory: chooseProvider, inject: [CONFIG] },
        ...[Messages, MessagesStore, RecipientsStore, Templates, ToldStore, WhatsAppNews, ThanksByMessage, LineFigures, MessagesOfPeople],
        ...ofBroadcasts.providers,
        ...(consumes(config) ? [Sender, LineStore, OutcomesStore, ...ofBroadcasts.senders] : []),
      ],
      exports: [Messages, LineFigures],
    };
  }
}
