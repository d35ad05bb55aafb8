import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from './config.js';
import { Keys } from './keys.js';

export const CONFIG = Symbol('config');

@Module({})
export class ConfigModule {
  static of(config: Config): DynamicModule {
    const keys = { provide: Keys, useFactory: () => new Keys(config) };
    return { module: ConfigModule, global: true, providers: [{ provide: CONFIG, useValue: config }, keys], exports: [CONFIG, Keys] };
  }
}
