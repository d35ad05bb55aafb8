import { Injectable } from '@nestjs/common';
import { counter, type Family, gauge } from '../../observability/figures.js';
import { type Measure, Measures } from '../../observability/measures.js';
import { Limits } from './limits.service.js';

@Injectable()
@Measures('process')
export class LimitMeasures implements Measure {
  constructor(private readonly limits: Limits) {}

  measure(): Family[] {
    const { passed, refused, asked, alone, known } = this.limits.figures;
    return [
      counter('mutirao_limits_passed_total', 'What limits let pass', passed),
      counter('mutirao_limits_refused_total', 'What limits refused', refused),
      counter('mutirao_limits_alone_total', 'What processes judged by themselves, without Redis', alone),
      counter('mutirao_limits_redis_asked_total', 'Round trips to Redis for limits', asked),
      gauge('mutirao_limits_known', 'Callers that processes remember', known),
    ];
  }
}
