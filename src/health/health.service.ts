import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { poolFigures } from '../database/pool.js';
import { Probes, type ProbeReport } from './probes.js';
import { version } from './version.js';

const FRESH_MS = 500;

/** Answers are shared by all who ask within half a second: probes must not become load. */
@Injectable()
export class HealthService {
  private readonly reports = shared(() => this.probes.report());
  private readonly reasons = shared(() => this.probes.unready());

  constructor(
    private readonly probes: Probes,
    private readonly db: DataSource,
  ) {}

  unready(): Promise<string[]> {
    return this.reasons();
  }

  async report() {
    const { status, info, error, details } = (await this.reports()) satisfies ProbeReport;
    const { rss, heapUsed } = process.memoryUsage();
    return {
      status,
      info,
      error,
      details,
      uptimeSeconds: Math.round(process.uptime()),
      version,
      memory: { residentBytes: rss, heapUsedBytes: heapUsed },
      connections: poolFigures(this.db),
      cache: details.redis?.cache === 'up' ? { status: 'up' } : { status: 'down' },
    };
  }
}

function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().finally(() => setTimeout(() => (answer = undefined), FRESH_MS).unref());
    return answer;
  };
}
