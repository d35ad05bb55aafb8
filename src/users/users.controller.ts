import { Body, Controller, Delete, Get, Header, HttpCode, Patch, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { Limits } from '../http/limits/limits.service.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { Allowances } from './allowances.service.js';
import { Audit } from './audit.service.js';
import { Belongings } from './belongings.service.js';
import { People } from './people.service.js';
import { limitOf, profileChangeShape, profileOf, type ProfileChangeBody } from './users.dto.js';
import { personTag, Users } from './users.service.js';
import { usersWords } from './users.words.js';

const PROFILE_SECONDS = 1_800;

@Controller('api/v1/users')
export class UsersController {
  constructor(
    private readonly users: Users,
    private readonly people: People,
    private readonly belongings: Belongings,
    private readonly audit: Audit,
    private readonly limits: Limits,
    private readonly allowances: Allowances,
  ) {}

  @Policy({
    access: 'signed-in',
    pace: 'browse',
    cache: { seconds: PROFILE_SECONDS, audience: 'me', tags: (request) => [personTag(callerOf(request).id)] },
  })
  @Says(usersWords.me)
  @Get('me')
  async me(@Req() request: FastifyRequest) {
    return profileOf(await this.users.byId(callerOf(request).id));
  }

  @Policy({ access: 'signed-in', pace: 'browse', scope: 'none' })
  @Says(usersWords.erase)
  @HttpCode(204)
  @Delete('me')
  erase(@Req() request: FastifyRequest): Promise<void> {
    const { id } = callerOf(request);
    return this.people.erase(id, id);
  }

  @Policy({ access: 'signed-in', pace: 'costly' })
  @Says(usersWords.export)
  @Header('content-disposition', 'attachment; filename="mutirao-export.json"')
  @Get('me/export')
  async export(@Req() request: FastifyRequest) {
    const { id } = callerOf(request);
    const [user, rights, acts, rest] = await Promise.all([
      this.users.byId(id),
      this.audit.of(id),
      this.audit.by(id),
      this.belongings.export(id),
    ]);
    const { emailVerifiedAt, consentSource, updatedAt } = user;
    const profile = { ...profileOf(user), emailVerifiedAt, consentSource, updatedAt };
    return { exportedAt: new Date(), profile, rights, acts, ...rest };
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(usersWords.limits)
  @Get('me/limits')
  async ownLimits(@Req() request: FastifyRequest) {
    const caller = callerOf(request);
    const { plan, email } = await this.users.byId(caller.id);
    const [rates, budgets] = await Promise.all([this.limits.ofCaller(request, caller, email ?? ''), this.allowances.of(caller.id)]);
    return { plan, items: [...rates.map(limitOf), ...budgets.map((budget) => ({ ...budget, kind: 'budget' }))] };
  }

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(usersWords.change)
  @Patch('me')
  async change(@Req() request: FastifyRequest, @Body({ schema: profileChangeShape }) change: ProfileChangeBody) {
    return profileOf(await this.users.change(callerOf(request).id, change));
  }
}
