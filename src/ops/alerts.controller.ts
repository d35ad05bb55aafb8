import { Controller, Get, Query } from '@nestjs/common';
import { Cursors } from '../http/lists.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { alertOf, alertsQuery, type AlertsQuery } from './alerts/alerts.dto.js';
import { AlertsStore } from './alerts/alerts.store.js';
import { opsWords } from './ops.words.js';

@Controller('api/v1/ops/alerts')
export class AlertsController {
  constructor(
    private readonly alerts: AlertsStore,
    private readonly cursors: Cursors,
  ) {}

  @Policy({ access: 'admin', pace: 'browse' })
  @Says(opsWords.alerts)
  @Get()
  async list(@Query({ schema: alertsQuery }) { status, ...asked }: AlertsQuery) {
    const found = await this.cursors.paged(
      `alerts ${status ?? ''}`,
      asked,
      (from) => this.alerts.list(status, from),
      () => this.alerts.count(status),
    );
    return { ...found, items: found.items.map(alertOf) };
  }
}
