import type { Period } from './reports.js';

const DAY_MS = 86_400_000;
const LAST_DAYS = 30;
const inSaoPaulo = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Sao_Paulo', dateStyle: 'short' });

/** A day as `2026-11-30`. */
export const todayAt = (now: number): string => inSaoPaulo.format(now);
export const plusDays = (day: string, days: number): string => new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);

/** What is meant where not both ends are told. */
export function periodOf({ from, to }: Partial<Period>, now = Date.now()): Period {
  const last = to ?? (from !== undefined && from > todayAt(now) ? from : todayAt(now));
  return { from: from ?? plusDays(last, 1 - LAST_DAYS), to: last };
}
