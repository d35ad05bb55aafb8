import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Limits } from '../http/limits/limits.service.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { forgotShape, resetShape, verifyShape, type ForgotBody, type ResetBody, type VerifyBody } from './auth.dto.js';
import { passwordWords } from './passwords.words.js';
import { Passwords } from './passwords.service.js';

const open = { access: 'public', pace: 'auth', strangers: true } as const;

@Controller('api/v1/auth')
export class PasswordsController {
  constructor(
    private readonly passwords: Passwords,
    private readonly limits: Limits,
  ) {}

  @Policy(open)
  @Says(passwordWords.forgot)
  @HttpCode(202)
  @Post('password/forgot')
  async forgot(@Body({ schema: forgotShape }) { email }: ForgotBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    await this.limits.ofAccount(reply, email);
    await this.passwords.forgot(email);
  }

  @Policy(open)
  @Says(passwordWords.reset)
  @HttpCode(204)
  @Post('password/reset')
  reset(@Body({ schema: resetShape }) { token, password }: ResetBody): Promise<void> {
    return this.passwords.reset(token, password);
  }

  @Policy(open)
  @Says(passwordWords.verify)
  @HttpCode(204)
  @Post('email/verify')
  verify(@Body({ schema: verifyShape }) { token }: VerifyBody): Promise<void> {
    return this.passwords.verifyEmail(token);
  }
}
