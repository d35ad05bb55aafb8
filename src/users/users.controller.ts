import { Body, Controller, Get, Patch, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { profileChangeShape, profileOf, type ProfileChangeBody } from './users.dto.js';
import { personTag, Users } from './users.service.js';
import { usersWords } from './users.words.js';

const PROFILE_SECONDS = 1_800;

@Controller('api/v1/users')
export class UsersController {
  constructor(private readonly users: Users) {}

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

  @Policy({ access: 'signed-in', pace: 'browse' })
  @Says(usersWords.change)
  @Patch('me')
  async change(@Req() request: FastifyRequest, @Body({ schema: profileChangeShape }) change: ProfileChangeBody) {
    return profileOf(await this.users.change(callerOf(request).id, change));
  }
}
