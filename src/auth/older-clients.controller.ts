import { Body, Controller, Header, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { loginShape } from './auth.dto.js';
import { Doors } from './doors.service.js';
import { olderWords } from './older-clients.words.js';
import { Sessions } from './sessions.service.js';

/** Since when nobody should begin to use these. */
const SINCE = '@1795132800';

const tokenShape = z
  .strictObject({ username: loginShape.shape.email, password: loginShape.shape.password, otp: loginShape.shape.otp })
  .meta({ id: 'OlderLogin' });
const refreshShape = z.strictObject({ refresh: z.string().max(200) }).meta({ id: 'OlderRefresh' });

/** What clients of the older Django API call. */
@Controller('api/token')
export class OlderClientsController {
  constructor(
    private readonly doors: Doors,
    private readonly sessions: Sessions,
  ) {}

  @Policy({ access: 'public', pace: 'auth', strangers: true, forms: true })
  @Says(olderWords.token)
  @Header('deprecation', SINCE)
  @Header('link', '</api/v1/auth/login>; rel="successor-version"')
  @HttpCode(200)
  @Post()
  async token(
    @Body({ schema: tokenShape }) { username, ...rest }: z.output<typeof tokenShape>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { accessToken, refreshToken } = await this.doors.login({ email: username, ...rest }, request, reply);
    return { access: accessToken, refresh: refreshToken };
  }

  @Policy({ access: 'public', pace: 'browse', strangers: true, forms: true })
  @Says(olderWords.refresh)
  @Header('deprecation', SINCE)
  @Header('link', '</api/v1/auth/refresh>; rel="successor-version"')
  @HttpCode(200)
  @Post('refresh')
  async refresh(@Body({ schema: refreshShape }) { refresh }: z.output<typeof refreshShape>) {
    const { accessToken } = await this.sessions.renew(refresh);
    return { access: accessToken };
  }
}
