import { Injectable, Module } from '@nestjs/common';
import type { Letter } from '../../src/mail/letter.js';
import { Mailer } from '../../src/mail/mailer.service.js';
import { defineJob, defineQueue } from '../../src/outbox/contracts.js';
import { HandlesJob, type JobRun } from '../../src/outbox/handlers.js';

/** A feature that exists for tests only: it sends letters. */
const queue = defineQueue({ name: 'lab-mail', concurrency: 32 });
const backoff = { firstMs: 20, mostMs: 200 };

export const write = defineJob<Letter>({ queue, name: 'lab.write', attempts: 50, backoff });
/** Has no time for a server that is slow. */
export const scribble = defineJob<Letter>({ queue, name: 'lab.scribble', attempts: 50, backoff, timeoutMs: 500 });

@Injectable()
class Writers {
  constructor(private readonly mailer: Mailer) {}

  @HandlesJob(write)
  write(letter: Letter, run: JobRun): Promise<void> {
    return this.mailer.deliver(run, letter);
  }

  @HandlesJob(scribble)
  scribble(letter: Letter, run: JobRun): Promise<void> {
    return this.mailer.deliver(run, letter);
  }
}

@Module({ providers: [Writers] })
export class MailLab {}
