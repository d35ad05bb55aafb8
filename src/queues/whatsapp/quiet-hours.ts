/** Minutes of the day, the end before the beginning where they go over midnight. */
export interface QuietHours {
  from: number;
  to: number;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/** When the quiet that holds now is over; nothing where none does. */
export function quietUntil(nowMs: number, hours: QuietHours | undefined, timeZone: string): number | undefined {
  if (!hours || hours.from === hours.to) return undefined;
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(nowMs);
  const number = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const minute = number('hour') * 60 + number('minute');
  const since = (minute - hours.from + DAY_MINUTES) % DAY_MINUTES;
  const long = (hours.to - hours.from + DAY_MINUTES) % DAY_MINUTES;
  return since < long ? Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + (long - since) * MINUTE_MS : undefined;
}
