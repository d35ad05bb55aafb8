import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../../database/transactions.js';
import { Belongings, type Belonging } from '../../users/belongings.service.js';
import { SessionsStore } from './sessions.store.js';

/** What somebody asked of the business: his alone, so that all of it goes with him. */
@Injectable()
export class QuestionsOfPeople implements Belonging, OnModuleInit {
  readonly name = 'questions';

  constructor(
    private readonly belongings: Belongings,
    private readonly store: SessionsStore,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  async export(userId: string): Promise<unknown> {
    return (await this.store.allOf(userId)).map(wholeOf);
  }

  erase(tx: Tx, userId: string): Promise<void> {
    return this.store.removeAllOf(tx, userId);
  }
}

type Whole = Awaited<ReturnType<SessionsStore['allOf']>>[number];

export const wholeOf = ({ turns, ...session }: Whole) => ({
  ...session,
  questions: turns.map(({ id, question, sql, askedAt }) => ({ id, question, sql, askedAt })),
});
