import { Injectable } from '@nestjs/common';
import { type Family, gauge } from '../../observability/figures.js';
import { type Measure, Measures } from '../../observability/measures.js';
import { AlertsStore } from './alerts.store.js';
import { ruleNames } from './rules.js';

@Injectable()
@Measures('system')
export class AlertMeasures implements Measure {
  constructor(private readonly alerts: AlertsStore) {}

  async measure(): Promise<Family[]> {
    const firing = new Set((await this.alerts.firing()).map(({ rule }) => rule));
    const rows = ruleNames.map((rule) => [{ rule }, Number(firing.has(rule))] as const);
    return [gauge('mutirao_alerts_firing', 'Alerts of the product that fire', rows, 'most')];
  }
}
