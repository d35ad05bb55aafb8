import { Injectable } from '@nestjs/common';
import { counter, type Family, gauge } from '../observability/figures.js';
import { type Measure, Measures } from '../observability/measures.js';
import { Datasets } from './datasets/datasets.service.js';
import { Engines } from './engine/engines.service.js';

@Injectable()
@Measures('process')
export class EngineMeasures implements Measure {
  constructor(private readonly engines: Engines) {}

  measure(): Family[] {
    const { began, refused, died, busy, waiting } = this.engines.figures;
    return [
      counter('mutirao_analytics_statements_total', 'Statements that processes for business questions were given', began),
      counter('mutirao_analytics_refused_total', 'Of these, those that were refused', refused),
      counter('mutirao_analytics_died_total', 'Of these, those whose process ended', died),
      gauge('mutirao_analytics_busy', 'Processes that answer business questions', busy),
      gauge('mutirao_analytics_waiting', 'Business questions that wait for a process', waiting),
    ];
  }
}

@Injectable()
@Measures('system')
export class DatasetMeasures implements Measure {
  constructor(private readonly datasets: Datasets) {}

  async measure(): Promise<Family[]> {
    const [age, sizes] = await Promise.all([this.datasets.age(), this.datasets.sizes()]);
    const of = (what: 'rows' | 'bytes') => sizes.map((one) => [{ dataset: one.name }, one[what]] as const);
    return [
      gauge(
        'mutirao_analytics_age_seconds',
        'How old what business questions are answered from is',
        age === undefined ? [] : [[{}, age]],
        'most',
      ),
      gauge('mutirao_analytics_rows', 'What is exported for them', of('rows'), 'most'),
      gauge('mutirao_analytics_bytes', 'Its size', of('bytes'), 'most'),
    ];
  }
}
