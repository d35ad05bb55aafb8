import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { Keys, Proofs } from '../config/keys.js';
import type { Caller } from '../http/caller.js';
import { refusalOf } from '../http/validation.js';
import { Refusal } from '../kernel/problems.js';
import { AccessTokens } from './access-tokens.js';
import { loginShape } from './auth.dto.js';
import { Doors } from './doors.service.js';
import { Sessions } from './sessions.service.js';
import { Standings } from './standings.js';

export const COOKIE = 'mutirao_admin';
const PATH = '/admin';
const LIFE_SECONDS = 1_800;
const WRITTEN = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f-]{36})\\.(\\d{1,12})\\.([\\w-]{43})\\s*(?:;|$)`);

/** Admins at pages of ours in a browser, which cannot send tokens: a cookie names their sign-in, and is good nowhere else. */
@Injectable()
export class BrowserSignIns {
  private readonly proofs: Proofs;
  private readonly attributes: string;

  constructor(
    private readonly doors: Doors,
    private readonly access: AccessTokens,
    private readonly sessions: Sessions,
    private readonly standings: Standings,
    keys: Keys,
    @Inject(CONFIG) { ENVIRONMENT }: Config,
  ) {
    this.proofs = new Proofs(keys.for('admin cookie'));
    this.attributes = `Path=${PATH}; HttpOnly; SameSite=Strict${ENVIRONMENT === 'production' ? '; Secure' : ''}`;
  }

  /** By the same words, limits and waits as any sign-in. Who is no admin is signed out again at once. */
  async open(form: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const body = loginShape.safeParse(form);
    if (!body.success) throw refusalOf(body.error.issues);
    const { accessToken, user } = await this.doors.login(body.data, request, reply);
    const sessionId = this.access.read(accessToken)?.sid ?? '';
    if (user.role !== 'admin') {
      await this.sessions.end(user.id, 'logout', sessionId);
      throw new Refusal('forbidden', 'This is for admins only.');
    }
    const named = `${sessionId}.${Math.floor(Date.now() / 1_000) + LIFE_SECONDS}`;
    reply.header('set-cookie', `${COOKIE}=${named}.${this.proofs.of(named)}; Max-Age=${LIFE_SECONDS}; ${this.attributes}`);
  }

  /** Nobody where the cookie proves nothing, or his sign-in is over. His role is that of now. */
  async find({ headers }: FastifyRequest): Promise<Caller | undefined> {
    const [, sessionId = '', ends = '', proof = ''] = WRITTEN.exec(headers.cookie ?? '') ?? [];
    if (!this.proofs.isOurs(proof, `${sessionId}.${ends}`) || Number(ends) * 1_000 <= Date.now()) return undefined;
    const standing = await this.standings.of(sessionId);
    return standing && { id: standing.userId, role: standing.role, sessionId };
  }

  async end(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.header('set-cookie', `${COOKIE}=; Max-Age=0; ${this.attributes}`);
    const caller = await this.find(request);
    if (caller) await this.sessions.end(caller.id, 'logout', caller.sessionId);
  }
}
