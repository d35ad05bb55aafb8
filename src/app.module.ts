import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { AiModule } from './ai/ai.module.js';
import { AnalyticsModule } from './analytics/analytics.module.js';
import { AuthModule } from './auth/auth.module.js';
import { CampaignsModule } from './campaigns/campaigns.module.js';
import { ConfigModule } from './config/config.module.js';
import { consumes, servesAi, servesApi, type Config } from './config/config.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { MailModule } from './mail/mail.module.js';
import type { Log } from './observability/log.js';
import { ObservabilityModule } from './observability/observability.module.js';
import { OpsModule } from './ops/ops.module.js';
import { OutboxModule } from './outbox/outbox.module.js';
import { QueuesModule } from './queues/queues.module.js';
import { RedisModule } from './redis/redis.module.js';
import { schema } from './schema.js';
import { UsersModule } from './users/users.module.js';

export type Features = NonNullable<ModuleMetadata['imports']>;

@Module({})
export class AppModule {
  static of(config: Config, log: Log, features: Features = []): DynamicModule {
    const serves = servesApi(config);
    const queues = QueuesModule.of(config);
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        ObservabilityModule.of(log),
        DatabaseModule.of(schema),
        RedisModule,
        HttpModule,
        OutboxModule.of(config, log, consumes(config)),
        HealthModule,
        MailModule.of(config, { serves, consumes: consumes(config) }),
        UsersModule.of(serves),
        AuthModule.of(serves),
        CampaignsModule.of(serves),
        AiModule.of(servesAi(config)),
        queues,
        AnalyticsModule.of(config),
        OpsModule.of(serves, queues),
        ...features,
      ],
    };
  }
}
