import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { OwnConnection } from '../database/own-connection.js';
import type { Sample } from './alerts/rules.js';
import { nameOfInstance } from './instance.js';
import type { Facts, Seen } from './samples.js';

const MOST_MS = 5_000;
/** Of what kind the connections of others are, an ordinary role is not told. */
const TAKEN = `(SELECT count(*) FROM pg_stat_activity
  WHERE coalesce(backend_type = 'client backend', datid IS NOT NULL AND usesysid IS NOT NULL))`;
const KEPT = '7 minutes';

export interface SampleWithFacts extends Sample {
  facts: Facts;
}

/** What all instances saw of themselves in the last minutes. By a connection beside the pool: who is asked how a full pool fares must not wait for it. */
@Injectable()
export class SamplesStore implements OnApplicationShutdown {
  readonly instance = nameOfInstance();
  private readonly own: OwnConnection;

  constructor(@Inject(CONFIG) config: Config) {
    this.own = new OwnConnection(config, 'watch', MOST_MS);
  }

  onApplicationShutdown(): Promise<void> {
    return this.own.end();
  }

  /** Whether any process of this instance has looked since. */
  async isFresh(seconds: number): Promise<boolean> {
    const [found] = await this.own.ask<{ fresh: boolean }>(
      `SELECT EXISTS (SELECT FROM instance_samples WHERE instance = $1 AND at > now() - $2 * interval '1 second') AS fresh`,
      [this.instance, seconds],
    );
    return found?.fresh ?? false;
  }

  async add({ busySeconds, allSeconds, memory, requests, errors, durations, facts }: Seen): Promise<void> {
    await this.own.ask(
      `WITH old AS (DELETE FROM instance_samples WHERE at < now() - interval '${KEPT}')
      INSERT INTO instance_samples (instance, busy_seconds, all_seconds, memory, requests, errors, durations, connections, facts)
      VALUES ($1, $2, $3, $4, $5, $6, $7, ${TAKEN}
        / (current_setting('max_connections')::float8 - current_setting('superuser_reserved_connections')::float8), $8)
      ON CONFLICT DO NOTHING`,
      [this.instance, busySeconds, allSeconds, memory, requests, errors, durations, JSON.stringify(facts)],
    );
  }

  /** Without facts: alerts look far back. */
  all(): Promise<Sample[]> {
    return this.own.ask<Sample>(`${VIEW} FROM instance_samples`);
  }

  recent(seconds: number): Promise<SampleWithFacts[]> {
    return this.own.ask<SampleWithFacts>(`${VIEW}, facts FROM instance_samples WHERE at > now() - $1 * interval '1 second' ORDER BY at`, [
      seconds,
    ]);
  }
}

const VIEW = `SELECT instance, extract(epoch FROM clock_timestamp() - at)::float8 AS age, busy_seconds AS "busySeconds", all_seconds AS "allSeconds",
  memory, requests, errors, durations, connections`;
