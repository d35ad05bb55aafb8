import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import type { ImpatientClient } from './client.js';
import { behindPooler } from './options.js';
import { isOpen, type Tx } from './transactions.js';

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

  async ask<T extends object>(question: Question, values: unknown[]): Promise<T[]> {
    const runner = this.db.createQueryRunner();
    try {
      return await this.say<T>(runner, question, values);
    } finally {
      await runner.release();
    }
  }

  /** As part of a transaction. What is asked at once goes out together and is answered in its order, each as things stand by then. */
  async askIn<T extends object>(tx: Tx, question: Question, values: unknown[]): Promise<T[]> {
    if (!tx.queryRunner || !isOpen(tx)) throw new Error('the transaction is over, nothing can be asked in it');
    return this.say<T>(tx.queryRunner, question, values);
  }

  private async say<T extends object>(runner: QueryRunner, { name, text }: Question, values: unknown[]): Promise<T[]> {
    const client = (await runner.connect()) as ImpatientClient;
    return (await client.query<T>(this.prepares ? { name, text, values } : { text, values })).rows;
  }
}
