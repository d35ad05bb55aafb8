import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, from, mergeMap, type Observable } from 'rxjs';
import { Budget } from './budget/budget.service.js';
import { tellBudget } from './replies.js';

/** Whatever is answered tells how its caller's budget stands, refusals too; what knows better has told it by itself. */
@Injectable()
export class TellsBudget implements NestInterceptor {
  constructor(private readonly budget: Budget) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const [request, reply] = context.getArgs<[FastifyRequest, FastifyReply]>();
    const tell = async () => {
      if (reply.hasHeader('x-token-budget-limit') || !request.caller) return;
      // Nobody is kept from his answer by this.
      const standing = await this.budget.lately(request.caller.id).catch(() => undefined);
      if (standing) tellBudget(reply, standing);
    };
    const told = async (value: unknown) => {
      await tell();
      return value;
    };
    const refused = async (fault: unknown): Promise<never> => {
      await tell();
      throw fault;
    };
    return next.handle().pipe(
      mergeMap(told),
      catchError((fault: unknown) => from(refused(fault))),
    );
  }
}
