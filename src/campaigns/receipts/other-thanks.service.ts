import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transactions.js';
import { DonationsStore, type ByPhone } from '../donations/donations.store.js';

/** Says what must follow, in the transaction in which the receipt got its number. */
type Way = (tx: Tx, donationId: string) => void;

/** How donors are thanked besides by letter: features that know other ways bring theirs. */
@Injectable()
export class OtherThanks {
  private readonly ways: Way[] = [];

  constructor(private readonly donations: DonationsStore) {}

  add(way: Way): void {
    this.ways.push(way);
  }

  owe(tx: Tx, donationId: string): void {
    for (const way of this.ways) way(tx, donationId);
  }

  /** What is said to whom; nothing where he wants no messages, or not any more. */
  byPhone(donationId: string): Promise<ByPhone | undefined> {
    return this.donations.byPhone(donationId);
  }
}
