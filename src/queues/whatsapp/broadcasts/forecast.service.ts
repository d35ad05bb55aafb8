import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import type { Tx } from '../../../database/transactions.js';
import { gapMs } from '../turns.js';
import type { Reach } from './audience.store.js';
import type { BroadcastView } from './broadcasts.store.js';
import { flightPlan, type Flight, type Wait } from './flight-plan.js';
import { ForecastStore } from './forecast.store.js';

/** What a broadcast would come to. */
export interface Plan {
  recipients: number;
  optedOut: number;
  invalid: number;
  willGo: number;
  startsAt: Date | null;
  endsAt: Date | null;
  perSecond: number;
  days: { day: string; messages: number }[];
  /** `paused`: the whole line is, nobody knows for how long. */
  waitsFor: { reason: Wait['reason'] | 'paused'; until: Date | null }[];
}

@Injectable()
export class Forecast {
  constructor(
    private readonly store: ForecastStore,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Of one that is not there yet. */
  async of({ optedOut, invalid, willGo, opens }: Reach, tx?: Tx): Promise<Plan> {
    const { WHATSAPP_RATE_PER_SECOND: perSecond } = this.config;
    const line = await this.store.line({ newlyFor: willGo }, tx);
    const whom = { recipients: optedOut + invalid + willGo, optedOut, invalid, willGo };
    if (line.isPaused) return { ...whom, startsAt: null, endsAt: null, perSecond, days: [], waitsFor: [{ reason: 'paused', until: null }] };
    const { startsMs, endsMs, days, waits } = flightPlan({ ...line, ...this.rules(), ...{ willGo, opens } });
    return {
      ...whom,
      startsAt: willGo === 0 ? null : new Date(startsMs),
      endsAt: willGo === 0 ? null : new Date(endsMs),
      ...{ perSecond, days },
      waitsFor: waits.map(({ reason, untilMs }) => ({ reason, until: new Date(untilMs) })),
    };
  }

  /** When one that goes on will have ended, as it looks now. */
  async endOf({ id, status, counts }: BroadcastView): Promise<Date | null> {
    const open = counts.queued + counts.sending;
    if ((status !== 'running' && status !== 'preparing') || open === 0) return null;
    const { ahead, isPaused, ...line } = await this.store.line({ of: id });
    if (isPaused) return null;
    const opens = this.rules().tier === undefined ? 0 : await this.store.opens(id);
    const others = { ...ahead, broadcast: Math.max(0, ahead.broadcast - open), opens: Math.max(0, ahead.opens - opens) };
    return new Date(flightPlan({ ...line, ...this.rules(), ahead: others, willGo: open, opens }).endsMs);
  }

  /** How long all that is due takes, were it not paused. */
  async secondsLeft(): Promise<number> {
    const { ahead, ...line } = await this.store.line('all');
    if (ahead.direct + ahead.broadcast === 0) return 0;
    return (flightPlan({ ...line, ...this.rules(), ahead, willGo: 0, opens: 0 }).endsMs - line.nowMs) / 1_000;
  }

  private rules(): Pick<Flight, 'perSecond' | 'tier' | 'quiet' | 'timeZone'> {
    const { WHATSAPP_DAILY_RECIPIENTS: tier, ...config } = this.config;
    return {
      perSecond: 1_000 / gapMs(config.WHATSAPP_RATE_PER_SECOND),
      tier: tier === 0 ? undefined : tier,
      quiet: config.WHATSAPP_QUIET_HOURS,
      timeZone: config.WHATSAPP_TIMEZONE,
    };
  }
}
