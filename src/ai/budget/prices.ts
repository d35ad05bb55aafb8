import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Refusal } from '../../kernel/problems.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import type { Usage } from '../providers/provider.js';
import type { Price } from './budget.store.js';

/** A price is dollars for a million tokens, hence thousands of nanodollars for one. */
const NANOS = 1_000;
const NOTHING = { input: 0, output: 0 };
export const OFFLINE_MODEL = 'mutirao-offline';

/** What each model's tokens cost. Only what has a price may be asked for; what the operator chose himself may be free. */
@Injectable()
export class Prices {
  private readonly known: Readonly<Record<string, { input: number; output: number }>>;

  private readonly second: string | undefined;

  constructor(
    @Inject(CONFIG) { AI_PRICES, AI_MODEL, AI_FALLBACK_MODEL, AI_BASE_URL, AI_FALLBACK_BASE_URL }: Config,
    @Inject(LOG) log: Log,
  ) {
    this.second = AI_FALLBACK_BASE_URL && AI_FALLBACK_MODEL;
    if (AI_BASE_URL === undefined) {
      this.known = { [OFFLINE_MODEL]: NOTHING };
      return;
    }
    const own = [AI_MODEL, AI_FALLBACK_MODEL].filter((model) => model !== undefined);
    const free = own.filter((model) => !(model in (AI_PRICES ?? {})));
    if (free.length > 0) log.warn({ models: free }, 'AI_PRICES has no price for these models: their calls count as costing nothing');
    this.known = { ...Object.fromEntries(free.map((model) => [model, NOTHING])), ...AI_PRICES };
  }

  /** Those that may be asked for. */
  models(): string[] {
    return Object.keys(this.known);
  }

  check(model: string): void {
    if (!Object.hasOwn(this.known, model))
      throw new Refusal(
        'model_not_priced',
        `The model ${JSON.stringify(model.slice(0, 100))} has no price here. GET /v1/models tells which do.`,
      );
  }

  /** In whole nanodollars, of the dearer one where another model may answer instead; `alone` where none may. */
  mostOf(model: string, alone = false): Price {
    const [one, other] = [this.known[model] ?? NOTHING, this.known[alone ? model : (this.second ?? model)] ?? NOTHING];
    return {
      input: Math.ceil(Math.max(one.input, other.input) * NANOS),
      output: Math.ceil(Math.max(one.output, other.output) * NANOS),
    };
  }

  nanosOf(model: string, { promptTokens, completionTokens }: Usage): number {
    const { input, output } = this.known[model] ?? NOTHING;
    return Math.round((promptTokens * input + completionTokens * output) * NANOS);
  }
}
