import { type DynamicModule, Module } from '@nestjs/common';
import { servesApi, type Config } from '../config/config.js';
import { AudioModule } from './audio/audio.module.js';
import { AdminPages } from './board/admin.pages.js';
import { SignInRoutes } from './board/sign-in.routes.js';
import { QueuesController } from './queues.controller.js';
import { QueuesDesk } from './queues-desk.service.js';
import { WhatsAppModule } from './whatsapp/whatsapp.module.js';

@Module({})
export class QueuesModule {
  static of(config: Config): DynamicModule {
    return {
      module: QueuesModule,
      imports: [WhatsAppModule.of(config), AudioModule.of(config)],
      controllers: servesApi(config) ? [QueuesController] : [],
      providers: [QueuesDesk, ...(servesApi(config) ? [AdminPages, SignInRoutes] : [])],
      exports: [QueuesDesk],
    };
  }
}
