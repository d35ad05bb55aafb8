import { DataSource } from 'typeorm';
import type { Config } from '../config/config.js';
import { migrationOptions } from '../database/options.js';
import { Refusal } from '../kernel/problems.js';
import { Queues } from '../outbox/queues.service.js';
import { Forecast } from '../queues/whatsapp/broadcasts/forecast.service.js';
import { ForecastStore } from '../queues/whatsapp/broadcasts/forecast.store.js';
import { LineFigures } from '../queues/whatsapp/line.figures.js';
import { WHATSAPP } from '../queues/whatsapp/whatsapp.queue.js';
import { schema } from '../schema.js';

const USAGE = 64;
const columns = ['queue', 'paused', 'waiting', 'later', 'running', 'dead', 'oldestSeconds'] as const;

/** Shows the queues, or pauses, resumes, lists the dead letters of one, or gives them all their attempts again. */
export async function runQueues(config: Config, [verb, name = '']: string[], out: (line: string) => void): Promise<number> {
  const db = await new DataSource(migrationOptions(config, schema)).initialize();
  const queues = new Queues(db);
  queues.join(WHATSAPP, new LineFigures(config, db, new Forecast(new ForecastStore(db, config), config)));
  const verbs: Record<string, (() => Promise<unknown>) | undefined> = {
    pause: () => queues.pause(name),
    resume: () => queues.resume(name),
    retry: async () => {
      out(`${await queues.retry(name)} failed go back to ${name}`);
    },
    dead: async () => {
      for (const { id, job, failures, lastError, createdAt } of await queues.deadLetters(name))
        out(`${id}  ${job}  since ${createdAt.toISOString()}  ${failures} failures  ${lastError ?? ''}`);
    },
  };
  try {
    const run = verb === undefined ? undefined : verbs[verb];
    if (run && name === '') {
      out(`${verb} whose? Say the name of a queue, for instance: npm run queues -- ${verb} NAME`);
      return USAGE;
    }
    if (verb !== undefined && !run) {
      out(`Unknown verb "${verb}". Known: ${Object.keys(verbs).join(', ')}, each with the name of a queue.`);
      return USAGE;
    }
    await run?.();
    if (verb !== 'dead') {
      out(columns.map((column) => column.padEnd(14)).join(''));
      for (const figures of await queues.figures({ exact: true }))
        out(columns.map((column) => String(figures[column]).padEnd(14)).join(''));
    }
    return 0;
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    out(fault.message);
    return 1;
  } finally {
    await db.destroy();
  }
}
