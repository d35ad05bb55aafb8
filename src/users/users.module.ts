import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Audit } from './audit.service.js';
import { Hashing } from './hashing.js';
import { UsersController } from './users.controller.js';
import { Users } from './users.service.js';
import { UsersStore } from './users.store.js';

@Global()
@Module({})
export class UsersModule {
  static of(serves: boolean): DynamicModule {
    return {
      module: UsersModule,
      controllers: serves ? [UsersController] : [],
      providers: [Users, UsersStore, Hashing, Audit],
      exports: [Users, Hashing, Audit],
    };
  }
}
