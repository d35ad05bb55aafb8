import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Allowances } from './allowances.service.js';
import { Audit } from './audit.service.js';
import { Belongings } from './belongings.service.js';
import { FirstAdmin } from './first-admin.service.js';
import { Hashing } from './hashing.js';
import { PeopleController } from './people.controller.js';
import { People } from './people.service.js';
import { PeopleStore } from './people.store.js';
import { PlansController } from './plans.controller.js';
import { Plans } from './plans.service.js';
import { UsersController } from './users.controller.js';
import { Users } from './users.service.js';
import { UsersStore } from './users.store.js';

@Global()
@Module({})
export class UsersModule {
  static of(serves: boolean): DynamicModule {
    return {
      module: UsersModule,
      controllers: serves ? [UsersController, PeopleController, PlansController] : [],
      providers: [Users, UsersStore, People, PeopleStore, Plans, ...(serves ? [FirstAdmin] : []), Belongings, Allowances, Hashing, Audit],
      exports: [Users, People, Belongings, Allowances, Hashing, Audit],
    };
  }
}
