import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type HealthProbe, Probe } from '../observability/probe.js';
import { poolFigures } from './pool.js';
import { Replicas } from './replicas.js';

@Injectable()
@Probe({ name: 'database', whenDown: 'error' })
export class DatabaseProbe implements HealthProbe {
  constructor(
    private readonly db: DataSource,
    private readonly replicas: Replicas,
  ) {}

  async check(): Promise<Record<string, unknown>> {
    const began = performance.now();
    await this.db.query('SELECT 1');
    return { answeredInMs: Math.round(performance.now() - began), pool: poolFigures(this.db), replicas: this.replicas.state };
  }
}
