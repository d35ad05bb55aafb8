import { Controller, Get, Injectable, Module, Post, Query } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Transactions } from '../../src/database/transactions.js';
import { Policy } from '../../src/http/policy.js';
import { pause } from '../../src/kernel/waiting.js';
import { defineJob, defineQueue, type JobContract } from '../../src/outbox/contracts.js';
import { HandlesJob, JobHopeless, type JobRun } from '../../src/outbox/handlers.js';
import { Outbox } from '../../src/outbox/outbox.service.js';

/** A feature that exists for tests only: jobs whose effects can be counted, and a route that takes its time. */
export const labQueue = defineQueue({ name: 'lab', concurrency: 32 });
export const slowQueue = defineQueue({ name: 'lab-slow', concurrency: 1 });

const quick = { firstMs: 20, mostMs: 200 };

export const note = defineJob<{ n: number }>({ queue: labQueue, name: 'lab.note' });
export const stumble = defineJob<{ n: number; times: number }>({ queue: labQueue, name: 'lab.stumble', backoff: quick });
export const hopeless = defineJob<{ n: number }>({ queue: labQueue, name: 'lab.hopeless' });
export const crash = defineJob<{ n: number; times: number }>({ queue: labQueue, name: 'lab.crash' });
/** Ways in which a handler can be wrong about its own effect. */
export const careless = defineJob<{ n: number; how: 'swallow' | 'float' | 'nul' | 'strange' | 'twice' }>({
  queue: labQueue,
  name: 'lab.careless',
  backoff: quick,
});
export const linger = defineJob<{ n: number; ms: number }>({ queue: slowQueue, name: 'lab.linger', backoff: quick });

@Injectable()
export class LabJobs {
  constructor(private readonly db: DataSource) {}

  @HandlesJob(note)
  note({ n }: { n: number }, run: JobRun): Promise<void> {
    return this.effect(n, run);
  }

  @HandlesJob(stumble)
  async stumble({ n, times }: { n: number; times: number }, run: JobRun): Promise<void> {
    if (run.failures < times) throw new Error(`stumbled over ${n}, failure ${run.failures + 1}`);
    await this.effect(n, run);
  }

  @HandlesJob(hopeless)
  async hopeless({ n }: { n: number }): Promise<void> {
    await this.db.query('INSERT INTO lab_runs (n) VALUES ($1)', [n]);
    throw new JobHopeless(`nothing can be done about ${n}`);
  }

  /** Ends its own process the hard way, in the middle of its transaction. */
  @HandlesJob(crash)
  async crash({ n, times }: { n: number; times: number }, run: JobRun): Promise<void> {
    await this.db.query('INSERT INTO lab_runs (n) VALUES ($1)', [n]);
    const [row] = await this.db.query<[{ runs: number }]>('SELECT count(*)::int AS runs FROM lab_runs WHERE n = $1', [n]);
    await run.commit(async (tx) => {
      await tx.query('INSERT INTO lab_effects (n, job) VALUES ($1, $2)', [n, run.id]);
      if (row.runs <= times) process.kill(process.pid, 'SIGKILL');
    });
  }

  @HandlesJob(careless)
  async careless({ n, how }: { n: number; how: string }, run: JobRun): Promise<void> {
    const first = run.failures === 0;
    if (how === 'swallow' && first) return run.commit((tx) => tx.query('SELECT 1 / 0')).catch(() => undefined);
    if (how === 'float') return void this.effect(n, run);
    if (how === 'nul' && first) throw new Error('a\0b');
    if (how === 'strange' && first) throw Object.create(null);
    await this.effect(n, run);
    if (how === 'twice') await this.effect(n, run);
  }

  @HandlesJob(linger)
  async linger({ n, ms }: { n: number; ms: number }, run: JobRun): Promise<void> {
    await this.db.query('INSERT INTO lab_runs (n) VALUES ($1)', [n]);
    await pause(ms, run.signal);
    await this.effect(n, run);
  }

  private effect(n: number, run: JobRun): Promise<void> {
    return run.commit(async (tx) => {
      await tx.query('INSERT INTO lab_effects (n, job) VALUES ($1, $2)', [n, run.id]);
    });
  }
}

const contracts = new Map<string, JobContract<unknown>>([note, stumble, hopeless, crash, careless, linger].map((job) => [job.name, job]));

const open = { access: 'public', pace: 'none' } as const;

@Controller('lab')
export class LabController {
  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: Outbox,
  ) {}

  @Policy(open)
  @Get('slow')
  async slow(@Query('ms') ms: string): Promise<{ waited: number }> {
    await pause(Number(ms));
    return { waited: Number(ms) };
  }

  /** So many turns of the loop, in each of which nothing else runs so long. */
  @Policy(open)
  @Get('block')
  async block(@Query('ms') ms: string, @Query('turns') turns: string): Promise<{ turns: number }> {
    for (let turn = 0; turn < Number(turns); turn += 1) {
      const end = performance.now() + Number(ms);
      while (performance.now() < end);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { turns: Number(turns) };
  }

  /** One transaction a job, as a feature would. */
  @Policy(open)
  @Post('jobs')
  async add(@Query('job') name: string, @Query('payload') payload: string): Promise<{ id: string }> {
    const job = contracts.get(name);
    if (!job) throw new Error(`no job ${name}`);
    return { id: await this.transactions.run(async (tx) => this.outbox.add(tx, job, JSON.parse(payload))) };
  }
}

@Module({ controllers: [LabController], providers: [LabJobs] })
export class LabModule {}
