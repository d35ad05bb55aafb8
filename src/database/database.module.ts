import { type DynamicModule, Global, Injectable, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { DatabaseProbe } from './database.probe.js';
import { isDatabaseAway } from './faults.js';
import { databaseOptions, type Schema } from './options.js';
import { openLeast, widen } from './pool.js';
import { PoolMeasures } from './pool.measures.js';
import { Questions } from './questions.js';
import { Replicas } from './replicas.js';
import { Transactions } from './transactions.js';

@Injectable()
class PoolOpening implements OnApplicationBootstrap, OnApplicationShutdown {
  private widening: NodeJS.Timeout | undefined;

  constructor(private readonly db: DataSource) {}

  onApplicationBootstrap(): void {
    this.widening = widen(this.db);
    void openLeast(this.db);
  }

  onApplicationShutdown(): void {
    clearInterval(this.widening);
  }
}

@Global()
@Module({})
export class DatabaseModule {
  static of(schema: Schema): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [CONFIG],
          // A database that does not answer yet is waited for, the supervisor has migrated it before; one that refuses is not.
          useFactory: (config: Config) => ({
            ...databaseOptions(config, schema),
            retryAttempts: Number.MAX_SAFE_INTEGER,
            retryDelay: 1_000,
            toRetry: isDatabaseAway,
          }),
        }),
      ],
      providers: [Transactions, Questions, Replicas, DatabaseProbe, PoolMeasures, PoolOpening],
      exports: [Transactions, Questions, Replicas],
    };
  }
}
