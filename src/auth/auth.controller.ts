import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { idOf } from '../http/ids.js';
import { bareListQuery, Cursors, type BareListQuery } from '../http/lists.js';
import { nothing, type Nothing } from '../http/nothing.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { Refusal } from '../kernel/problems.js';
import { loginShape, refreshShape, registerShape, type LoginBody, type RefreshBody, type RegisterBody } from './auth.dto.js';
import { authWords } from './auth.words.js';
import { Doors } from './doors.service.js';
import { Sessions } from './sessions.service.js';

const open = { access: 'public', pace: 'auth', strangers: true } as const;
const own = { access: 'signed-in', pace: 'browse', scope: 'none' } as const;

@Controller('api/v1/auth')
export class AuthController {
  constructor(
    private readonly doors: Doors,
    private readonly sessions: Sessions,
    private readonly cursors: Cursors,
  ) {}

  @Policy(open)
  @Says(authWords.register)
  @Post('register')
  register(
    @Body({ schema: registerShape }) body: RegisterBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.doors.register(body, request, reply);
  }

  @Policy(open)
  @Says(authWords.login)
  @HttpCode(200)
  @Post('login')
  login(@Body({ schema: loginShape }) body: LoginBody, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.doors.login(body, request, reply);
  }

  @Policy({ access: 'public', pace: 'browse', strangers: true })
  @Says(authWords.refresh)
  @HttpCode(200)
  @Post('refresh')
  refresh(@Body({ schema: refreshShape }) { refreshToken }: RefreshBody) {
    return this.sessions.refresh(refreshToken);
  }

  @Policy({ access: 'public', pace: 'browse', strangers: true })
  @Says(authWords.logout)
  @HttpCode(204)
  @Post('logout')
  async logout(@Body({ schema: refreshShape }) { refreshToken }: RefreshBody): Promise<void> {
    await this.sessions.endOf(refreshToken);
  }

  @Policy(own)
  @Says(authWords.logoutAll)
  @HttpCode(204)
  @Post('logout-all')
  async logoutAll(@Req() request: FastifyRequest, @Body({ schema: nothing }) _: Nothing): Promise<void> {
    await this.sessions.end(callerOf(request).id, 'logout_all');
  }

  @Policy(own)
  @Says(authWords.sessions)
  @Get('sessions')
  async list(@Req() request: FastifyRequest, @Query({ schema: bareListQuery }) { limit, cursor }: BareListQuery) {
    const { id, sessionId } = callerOf(request);
    const list = `sign-ins ${id}`;
    const rows = await this.sessions.listOf(id, this.cursors.read(list, cursor), limit + 1);
    const { items, nextCursor } = this.cursors.slice(list, rows, limit, (session) => session.id);
    return {
      items: items.map((session) => ({
        id: session.id,
        address: session.address,
        client: session.client,
        createdAt: session.createdAt,
        lastUsedAt: session.lastUsedAt,
        expiresAt: session.expiresAt,
        current: session.id === sessionId,
      })),
      nextCursor,
    };
  }

  @Policy(own)
  @Says(authWords.endSession)
  @HttpCode(204)
  @Delete('sessions/:id')
  async end(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    if (!(await this.sessions.end(callerOf(request).id, 'ended', idOf(id)))) throw new Refusal('not_found', 'You have no such sign-in.');
  }
}
