import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerOf } from './answer.js';
import { Door, wantsFresh } from './door.js';

export interface Said {
  type: string;
  /** Headers besides, as they are sent. */
  lines: string;
  body: Buffer;
}

/** What is said at once to this caller; nothing where it has to be worked out. */
type Say = (callerId: string) => Said | undefined;

/** Whether these very words were answered before, and how they are now. */
export type Early = (text: string) => Say | undefined;

type Done = (fault?: Error) => void;

declare module 'fastify' {
  interface FastifyInstance {
    /** Asked by routes that may answer early. */
    early: {
      knows?: (request: FastifyRequest) => boolean;
      by?: (request: FastifyRequest, reply: FastifyReply, done: Done) => void;
    };
  }
  interface FastifyRequest {
    /** The body as it came, on a route that may answer early, and who knows it. It is read where he has no answer now. */
    text?: string;
    say?: Say;
  }
}

/** Answers before Nest, for routes to which the same words are sent again and again. */
@Injectable()
export class EarlyAnswers implements OnModuleInit {
  private readonly by = new Map<string, Early>();

  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly door: Door,
  ) {}

  onModuleInit(): void {
    const { early } = this.host.httpAdapter.getInstance<FastifyInstance>();
    early.knows = (request) => this.knows(request);
    early.by = (request, reply, done) => this.answer(request, reply, done);
  }

  /** For a route whose policy says that it may. */
  on(route: string, early: Early): void {
    this.by.set(route, early);
  }

  private knows(request: FastifyRequest): boolean {
    const { text = '', route, headers } = request;
    if (headers.authorization === undefined || wantsFresh(request)) return false;
    request.say = this.by.get(route.url ?? '')?.(text);
    return request.say !== undefined;
  }

  private answer(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    const { say } = request;
    if (!say) return done();
    this.door.admit(request, reply, (caller) => {
      const said = caller && say(caller.id);
      if (said) {
        answerOf(reply).limits += said.lines;
        void reply.type(said.type).send(said.body);
      } else {
        request.body = JSON.parse(request.text ?? '') as unknown;
        done();
      }
    });
  }
}
