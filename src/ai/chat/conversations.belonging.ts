import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Tx } from '../../database/transactions.js';
import { Belongings, type Belonging } from '../../users/belongings.service.js';
import { wholeOf } from './chat.words.js';
import { ConversationsStore } from './conversations.store.js';

/** What somebody talked about with the AI: his alone, so that all of it goes with him. */
@Injectable()
export class ConversationsOfPeople implements Belonging, OnModuleInit {
  readonly name = 'conversations';

  constructor(
    private readonly belongings: Belongings,
    private readonly store: ConversationsStore,
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
