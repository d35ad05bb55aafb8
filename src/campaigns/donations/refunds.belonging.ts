import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Belongings, type Belonging } from '../../users/belongings.service.js';
import { RefundsStore } from './refunds.store.js';

/** What somebody had given back to others: it stays in the books when he goes, as done by nobody that is known. */
@Injectable()
export class RefundsOfPeople implements Belonging, OnModuleInit {
  readonly name = 'refunds';

  constructor(
    private readonly belongings: Belongings,
    private readonly store: RefundsStore,
  ) {}

  onModuleInit(): void {
    this.belongings.add(this);
  }

  export(userId: string): Promise<unknown> {
    return this.store.askedBy(userId);
  }

  async erase(): Promise<void> {
    // Who asked is named by the row of the person alone, which has lost its name.
  }
}
