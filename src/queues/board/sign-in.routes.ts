import { Injectable } from '@nestjs/common';
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BrowserSignIns } from '../../auth/browser-sign-ins.service.js';
import { PersonalLimit } from '../../http/limits/personal.limit.js';
import { problems, Refusal, type ProblemCode } from '../../kernel/problems.js';
import { ADMIN, BOARD, LOGIN, loginPage, LOGOUT, PAGE_CSP, signedInPage } from './pages.js';

const looks: FastifyContextConfig = { access: 'public', pace: 'browse', strangers: true };
const proves: FastifyContextConfig = { access: 'public', pace: 'auth', strangers: true, forms: true };
const leaves: FastifyContextConfig = { access: 'public', pace: 'browse', strangers: true, forms: true };

/** What whoever signs in can mend is told on the page. */
const told: readonly ProblemCode[] = [
  'validation_failed',
  'invalid_credentials',
  'otp_required',
  'otp_invalid',
  'forbidden',
  'rate_limited',
];

/** In and out, by forms that work without any script. */
@Injectable()
export class SignInRoutes {
  constructor(
    private readonly signIns: BrowserSignIns,
    private readonly limit: PersonalLimit,
  ) {}

  addTo(fastify: FastifyInstance): void {
    fastify.get(ADMIN, { config: looks }, (_request, reply) => reply.redirect(BOARD, 303));
    fastify.get(LOGIN, { config: looks }, async (request, reply) =>
      html(reply, (await this.signIns.find(request)) ? signedInPage : loginPage()),
    );
    fastify.post(LOGIN, { config: proves }, (request, reply) => this.signIn(request, reply));
    fastify.post(LOGOUT, { config: leaves }, async (request, reply) => {
      await this.signIns.end(request, reply);
      return reply.redirect(LOGIN, 303);
    });
  }

  private async signIn(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { email, password, otp } = (request.body ?? {}) as Record<string, unknown>;
    try {
      await this.limit.count(request, reply);
      await this.signIns.open({ email, password, ...(otp ? { otp } : {}) }, request, reply);
      return await reply.redirect(BOARD, 303);
    } catch (fault) {
      if (!(fault instanceof Refusal) || !told.includes(fault.code)) throw fault;
      return html(reply.status(problems[fault.code].status), loginPage(wordsOf(fault)));
    }
  }
}

const html = (reply: FastifyReply, page: string) =>
  reply.header('content-security-policy', PAGE_CSP).type('text/html; charset=utf-8').send(page);

function wordsOf({ code, message }: Refusal): string {
  if (code === 'validation_failed') return 'Write your e-mail address and your password.';
  if (code === 'otp_required') return 'Write the code of your app, too, or a recovery code.';
  return code === 'forbidden' || code === 'rate_limited' ? message : `${problems[code].title}.`;
}
