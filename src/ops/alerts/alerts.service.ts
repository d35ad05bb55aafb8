import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { type Tx, Transactions } from '../../database/transactions.js';
import { REQUEST_BOUNDS_SECONDS } from '../../http/requests.js';
import { newId } from '../../kernel/ids.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { Outbox } from '../../outbox/outbox.service.js';
import { tellByMail, tellSlack, type Telling } from './alerts.queue.js';
import { AlertsStore } from './alerts.store.js';
import { judge, ruleNames, rules, type RuleName, type Sample, type Verdict } from './rules.js';

/** Judges what all instances saw. Every instance does; what one sees first, all know. */
@Injectable()
export class Alerts {
  constructor(
    private readonly store: AlertsStore,
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async judge(samples: readonly Sample[]): Promise<void> {
    const firing = new Set((await this.store.firing()).map(({ rule }) => rule));
    for (const rule of ruleNames) {
      const verdict = judge(rule, samples, REQUEST_BOUNDS_SECONDS);
      if (verdict.state === 'firing' && !firing.has(rule)) await this.fire(rule, verdict);
      if (verdict.state === 'quiet' && firing.has(rule)) await this.resolve(rule);
    }
  }

  private async fire(rule: RuleName, verdict: Verdict): Promise<void> {
    const alertId = newId();
    const fired = await this.transactions.run(async (tx) => {
      if (!(await this.store.fire(tx, alertId, rule, rules[rule].threshold, verdict))) return false;
      this.tell(tx, { alertId, what: 'firing' });
      return true;
    });
    if (fired) this.log.error({ alert: rule, value: verdict.value, instance: verdict.instance }, rules[rule].says);
  }

  private async resolve(rule: RuleName): Promise<void> {
    const alertId = await this.transactions.run(async (tx) => {
      const id = await this.store.resolve(tx, rule);
      if (id !== undefined) this.tell(tx, { alertId: id, what: 'resolved' });
      return id;
    });
    if (alertId !== undefined) this.log.info({ alert: rule }, 'an alert is over');
  }

  private tell(tx: Tx, telling: Telling): void {
    if (this.config.ALERT_SLACK_WEBHOOK !== undefined) this.outbox.add(tx, tellSlack, telling, { priority: 'high' });
    if (this.config.ALERT_EMAIL_TO !== undefined) this.outbox.add(tx, tellByMail, telling, { priority: 'high' });
  }
}
