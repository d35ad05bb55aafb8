import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BrowserSignIns } from '../../auth/browser-sign-ins.service.js';
import { CONFIG } from '../../config/config.module.js';
import { publicUrl, type Config } from '../../config/config.js';
import { admitKey, isFor } from '../../http/access.guard.js';
import { Callers } from '../../http/caller.js';
import { Refusal } from '../../kernel/problems.js';
import { Tickets } from '../../outbox/tickets.service.js';
import { isFromHere } from './from-here.js';
import { BOARD_CSP, LOGIN, withoutForeign } from './pages.js';
import { SignInRoutes } from './sign-in.routes.js';

const reads = (method: string) => method === 'GET' || method === 'HEAD';

/** Pages for admins. Nest does not know their routes, so who may see them is judged by hooks: those belong to the routes, whatever the address looks like. */
@Injectable()
export class AdminPages implements OnModuleInit {
  private readonly ownOrigin: string;

  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly callers: Callers,
    private readonly signIns: BrowserSignIns,
    private readonly signInRoutes: SignInRoutes,
    private readonly tickets: Tickets,
    @Inject(CONFIG) config: Config,
  ) {
    this.ownOrigin = new URL(publicUrl(config)).origin;
  }

  onModuleInit(): void {
    const root = this.host.httpAdapter.getInstance<FastifyInstance>();
    void root.register(async (pages) => {
      pages.addHook('onRoute', (route) => {
        route.errorHandler = (fault, request, reply) => root.errorHandler(fault, request, reply);
      });
      pages.addHook('onRequest', async (request) => {
        if (!reads(request.method) && !isFromHere(request, this.ownOrigin)) throw new Refusal('forbidden', 'This comes from another site.');
      });
      this.signInRoutes.addTo(pages);
      await pages.register((board) => this.guardBoard(board));
    });
  }

  private async guardBoard(board: FastifyInstance): Promise<void> {
    board.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'admin', pace: 'browse' };
    });
    board.addHook('onRequest', (request, reply) => this.admit(request, reply));
    board.addHook('onSend', async (_request, reply, payload) => {
      const isPage = typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html');
      return isPage ? withoutForeign(payload) : payload;
    });
    // Loaded here, as only processes with pages need it.
    const { addBoard } = await import('./board.js');
    addBoard(board, this.tickets);
  }

  private async admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const shows = request.headers.authorization !== undefined;
    const caller = await (shows ? this.callers.identify(request) : this.signIns.find(request));
    if (!caller && !shows && request.method === 'GET' && wantsPage(request)) {
      await reply.redirect(LOGIN, 303);
      return;
    }
    if (!caller) throw new Refusal('unauthenticated');
    if (!isFor('admin', caller)) throw new Refusal('forbidden');
    admitKey(caller, request);
    reply.header('content-security-policy', BOARD_CSP);
  }
}

const wantsPage = ({ headers }: FastifyRequest): boolean => headers.accept?.includes('text/html') ?? false;
