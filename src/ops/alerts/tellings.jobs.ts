import { Inject, Injectable } from '@nestjs/common';
import { request } from 'undici';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Mailer } from '../../mail/mailer.service.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { HandlesJob, JobHopeless, type JobRun } from '../../outbox/handlers.js';
import { tellByMail, tellSlack, type Telling } from './alerts.queue.js';
import { AlertsStore } from './alerts.store.js';
import { wordsOf } from './wording.js';

const SLACK_MS = 10_000;
/** Nothing was said yet where one of these came. */
const UNSAID = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

/** Tells people what fires and what is over. */
@Injectable()
export class Tellings {
  constructor(
    private readonly store: AlertsStore,
    private readonly mailer: Mailer,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  @HandlesJob(tellByMail)
  async byMail({ alertId, what }: Telling, run: JobRun): Promise<void> {
    const alert = await this.store.find(alertId);
    const to = this.config.ALERT_EMAIL_TO;
    if (!alert || to === undefined) return;
    await this.mailer.deliver(run, { to, ...wordsOf(alert, what) });
  }

  @HandlesJob(tellSlack)
  async bySlack({ alertId, what }: Telling, run: JobRun): Promise<void> {
    const alert = await this.store.find(alertId);
    const url = this.config.ALERT_SLACK_WEBHOOK;
    if (!alert || url === undefined) return;
    if (!(await this.store.begin(run.id, alertId))) {
      await this.store.end(run.id, 'unknown');
      throw new JobHopeless('an earlier run may have told Slack, nobody knows');
    }
    const { subject, text } = wordsOf(alert, what);
    const outcome = await post(url, { text: `*${subject}*\n${text}` }, run.signal);
    if (outcome === 'sent') return run.commit((tx) => this.store.end(run.id, 'sent', tx));
    await this.store.end(run.id, outcome.state);
    this.log.warn({ alert: alert.rule, why: outcome.why }, 'Slack was not told of an alert');
    if (outcome.state === 'waiting') throw new Error(outcome.why);
    throw new JobHopeless(outcome.why);
  }
}

type Outcome = 'sent' | { state: 'waiting' | 'unknown' | 'refused'; why: string };

/** The address is a secret: no fault names it. */
async function post(url: string, body: object, signal: AbortSignal): Promise<Outcome> {
  try {
    const { statusCode, body: answer } = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(SLACK_MS)]),
    });
    await answer.dump();
    if (statusCode < 300) return 'sent';
    const again = statusCode === 429 || statusCode >= 500;
    return { state: again ? 'waiting' : 'refused', why: `Slack answered ${statusCode}` };
  } catch (fault) {
    const { code = (fault as Error).name } = fault as { code?: string };
    return { state: UNSAID.has(code) ? 'waiting' : 'unknown', why: `Slack did not answer (${code})` };
  }
}
