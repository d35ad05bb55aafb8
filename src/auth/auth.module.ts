import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Callers } from '../http/caller.js';
import { AccessTokens } from './access-tokens.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeys } from './api-keys.service.js';
import { ApiKeysStore } from './api-keys.store.js';
import { AuthController } from './auth.controller.js';
import { BrowserSignIns } from './browser-sign-ins.service.js';
import { TokenCallers } from './callers.service.js';
import { Doors } from './doors.service.js';
import { Letters } from './letters.jobs.js';
import { MailLinks } from './mail-links.js';
import { OlderClientsController } from './older-clients.controller.js';
import { PasswordsController } from './passwords.controller.js';
import { Passwords } from './passwords.service.js';
import { RefreshTokens } from './refresh-tokens.js';
import { Sessions } from './sessions.service.js';
import { SecondFactorsController } from './second-factors.controller.js';
import { SecondFactors } from './second-factors.service.js';
import { SecondFactorsStore } from './second-factors.store.js';
import { SessionsStore } from './sessions.store.js';
import { SignIns } from './sign-ins.belonging.js';
import { SignInStore } from './sign-in.store.js';
import { SignIn } from './sign-in.service.js';
import { StandingsStore } from './standings.store.js';
import { Standings } from './standings.js';

/** Every process knows people; those of the API let them in. */
@Global()
@Module({})
export class AuthModule {
  static of(serves: boolean): DynamicModule {
    return {
      module: AuthModule,
      controllers: serves ? [AuthController, ApiKeysController, SecondFactorsController, OlderClientsController, PasswordsController] : [],
      providers: [
        AccessTokens,
        RefreshTokens,
        SessionsStore,
        SignInStore,
        Sessions,
        ApiKeysStore,
        ApiKeys,
        StandingsStore,
        Standings,
        SecondFactorsStore,
        SecondFactors,
        MailLinks,
        Letters,
        Passwords,
        SignIn,
        Doors,
        SignIns,
        BrowserSignIns,
        { provide: Callers, useClass: TokenCallers },
      ],
      exports: [Callers, BrowserSignIns],
    };
  }
}
