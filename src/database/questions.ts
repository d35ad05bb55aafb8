import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import type { ImpatientClient } from './client.js';
import { behindPooler } from './options.js';

/** Asked often: each connection reads and plans it once, under its name. */
export interface Question {
  name: string;
  text: string;
}

@Injectable()
export class Questions {
  private readonly prepares: boolean;

  constructor(
    private readonly db: DataSource,
    @Inject(CONFIG) config: Config,
  ) {
    this.prepares = !behindPooler(config);
  }

  async ask<T extends object>({ name, text }: Question, values: unknown[]): Promise<T[]> {
    const runner = this.db.createQueryRunner();
    try {
      const client = (await runner.connect()) as ImpatientClient;
      return (await client.query<T>(this.prepares ? { name, text, values } : { text, values })).rows;
    } finally {
      await runner.release();
    }
  }
}
