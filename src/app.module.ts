import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { ConfigModule } from './config/config.module.js';
import type { Config } from './config/config.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import type { Log } from './observability/log.js';
import { ObservabilityModule } from './observability/observability.module.js';
import { OutboxModule } from './outbox/outbox.module.js';
import { RedisModule } from './redis/redis.module.js';
import { schema } from './schema.js';

export type Features = NonNullable<ModuleMetadata['imports']>;

/** Whether this process hands over and does the work of the outbox. */
export const consumes = ({ APP_ROLE, part }: Config) => APP_ROLE === 'worker' || (APP_ROLE === 'all' && part !== 'requests');

@Module({})
export class AppModule {
  static of(config: Config, log: Log, features: Features = []): DynamicModule {
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
        ...features,
      ],
    };
  }
}
