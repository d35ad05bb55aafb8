import { Injectable } from '@nestjs/common';
import { counter, type Family, gauge } from '../observability/figures.js';
import { type Measure, Measures } from '../observability/measures.js';
import { Budget } from './budget/budget.service.js';

@Injectable()
@Measures('process')
export class AiMeasures implements Measure {
  constructor(private readonly budget: Budget) {}

  measure(): Family[] {
    const { excesses, underWay } = this.budget;
    return [
      counter('mutirao_ai_excesses_total', 'Calls in which a provider used more than was kept back for it', excesses),
      gauge('mutirao_ai_calls', 'Calls whose cost is kept back and not settled yet', underWay),
    ];
  }
}
