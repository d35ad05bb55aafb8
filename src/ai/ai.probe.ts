import { Inject, Injectable } from '@nestjs/common';
import { type HealthProbe, Probe, ProbeDown } from '../observability/probe.js';
import { Budget } from './budget/budget.service.js';
import { OFFLINE_MODEL } from './budget/prices.js';
import type { OpenAIProvider } from './providers/openai.provider.js';
import { OUTSIDE } from './providers/provider.js';

/** Nobody who looks at the health of this system is to be load for another's. */
const FRESH_MS = 5_000;

@Injectable()
@Probe({ name: 'ai', whenDown: 'degraded' })
export class AiProbe implements HealthProbe {
  private known: { at: number; troubles: (string | undefined)[] } | undefined;

  constructor(
    @Inject(OUTSIDE) private readonly providers: readonly OpenAIProvider[],
    private readonly budget: Budget,
  ) {}

  async check(): Promise<Record<string, unknown>> {
    if (this.providers.length === 0) return { model: OFFLINE_MODEL };
    if (!this.known || performance.now() > this.known.at + FRESH_MS) {
      const troubles = await Promise.all(this.providers.map((provider) => provider.trouble()));
      this.known = { at: performance.now(), troubles };
    }
    const { troubles } = this.known;
    const facts = {
      ...Object.fromEntries(this.providers.map(({ name, model }, at) => [name, { model, status: troubles[at] ?? 'up' }])),
      excesses: this.budget.excesses,
    };
    if (troubles[0] === undefined) return facts;
    const spare = this.providers.length > 1 && troubles[1] === undefined ? '; the fallback answers' : '';
    throw new ProbeDown(`the AI provider ${troubles[0]}${spare}`, facts);
  }
}
