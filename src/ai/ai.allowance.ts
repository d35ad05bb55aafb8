import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Allowances } from '../users/allowances.service.js';
import { Budget } from './budget/budget.service.js';
import { dollarsOf, leftOf, nanosLeft, secondsToReset } from './budget/budget.words.js';

/** What somebody may still ask of the AI today, in tokens and, where it has a ceiling, in dollars. */
@Injectable()
export class AiAllowance implements OnModuleInit {
  constructor(
    private readonly allowances: Allowances,
    private readonly budget: Budget,
  ) {}

  onModuleInit(): void {
    this.allowances.add(async (userId) => {
      const standing = await this.budget.standing(userId);
      const { limit, used, reserved, limitNanos, costNanos, reservedNanos } = standing;
      const fullInSeconds = used + reserved === 0 ? 0 : secondsToReset(standing);
      const tokens = { name: 'ai-tokens', limit, used, reserved, remaining: leftOf(standing), fullInSeconds };
      if (limitNanos === null) return [tokens];
      const [most, paid, kept, left] = [limitNanos, costNanos, reservedNanos, Math.max(0, nanosLeft(standing))].map(dollarsOf) as Four;
      return [tokens, { name: 'ai-usd', limit: most, used: paid, reserved: kept, remaining: left, fullInSeconds }];
    });
  }
}

type Four = [number, number, number, number];
