import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { Mailer } from '../mail/mailer.service.js';
import { mailQueue } from '../mail/mail.queue.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { defineJob } from '../outbox/contracts.js';
import { HandlesJob, type JobRun } from '../outbox/handlers.js';
import { Users } from '../users/users.service.js';
import { MailLinks } from './mail-links.js';

export const verifyEmail = defineJob<{ userId: string }>({ queue: mailQueue, name: 'auth.verify-email' });
/** By the address alone, known or not: whoever asks for it waits for nothing that could tell. */
export const resetPassword = defineJob<{ email: string }>({ queue: mailQueue, name: 'auth.reset-password' });

/** Letters about sign-in. No word of them is the reader's own, which anyone may have chosen for him. Links are made when the letter is sent, so that none ever lies in a table. */
@Injectable()
export class Letters implements OnApplicationBootstrap {
  constructor(
    private readonly users: Users,
    private readonly links: MailLinks,
    private readonly mailer: Mailer,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    const { ENVIRONMENT, PUBLIC_URL } = this.config;
    if (ENVIRONMENT === 'production' && PUBLIC_URL === undefined)
      this.log.warn('PUBLIC_URL is not set: links in letters lead to this machine itself');
  }

  @HandlesJob(verifyEmail)
  async verify({ userId }: { userId: string }, run: JobRun): Promise<void> {
    const person = await this.users.findById(userId);
    if (!person?.email || person.emailVerifiedAt) return;
    const link = this.links.make('verify', userId, person.email);
    await this.mailer.deliver(run, {
      to: person.email,
      subject: 'Confirme o seu e-mail',
      text: `Olá!\n\nConfirme o seu endereço de e-mail por este link, que vale por 7 dias:\n\n${link}\n\nSe não foi você que se cadastrou no Mutirão, ignore esta mensagem.\n`,
    });
  }

  @HandlesJob(resetPassword)
  async reset({ email }: { email: string }, run: JobRun): Promise<void> {
    const person = await this.users.credentials(email);
    if (!person || person.disabled) return;
    const link = this.links.make('reset', person.id, boundToPassword(email, person.passwordHash));
    await this.mailer.deliver(run, {
      to: email,
      subject: 'Uma nova senha',
      text: `Olá!\n\nEscolha uma nova senha por este link, que vale por uma hora e uma vez só:\n\n${link}\n\nSe não foi você que pediu, ignore esta mensagem: a sua senha continua a mesma.\n`,
    });
  }
}

/** A link to a new password is over with the password that it replaces. */
export const boundToPassword = (email: string, passwordHash: string | null): string => `${email}\n${passwordHash ?? ''}`;
