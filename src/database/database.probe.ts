import { Injectable } from '@nestjs/common';
import type { Client, QueryConfig } from 'pg';
import { DataSource } from 'typeorm';
import { type HealthProbe, Probe } from '../observability/probe.js';
import { poolFigures } from './pool.js';
import { Replicas } from './replicas.js';

// A connection that stood still this long is closed, so that the next question goes over a new one.
const question: QueryConfig & { query_timeout: number } = { text: 'SELECT 1', query_timeout: 1_000 };

@Injectable()
@Probe({ name: 'database', whenDown: 'error' })
export class DatabaseProbe implements HealthProbe {
  constructor(
    private readonly db: DataSource,
    private readonly replicas: Replicas,
  ) {}

  async check(): Promise<Record<string, unknown>> {
    const began = performance.now();
    await this.ask();
    return { answeredInMs: Math.round(performance.now() - began), pool: poolFigures(this.db), replicas: this.replicas.state };
  }

  private async ask(): Promise<void> {
    const runner = this.db.createQueryRunner();
    try {
      const client = (await runner.connect()) as Client;
      await client.query(question);
    } finally {
      await runner.release();
    }
  }
}
