import type { Standing } from './budget.store.js';

const NANOS = 1_000_000_000;
/** From this part of it on somebody is told that little is left. */
export const WARNED_AT = 0.8;

export const isWarned = ({ used, limit, costNanos, limitNanos }: Standing): boolean =>
  used >= limit * WARNED_AT || (limitNanos !== null && costNanos >= limitNanos * WARNED_AT);
export const dollarsOf = (nanos: number): number => nanos / NANOS;

export const shownStanding = (standing: Standing, timeZone: string) => {
  const { day, limit, used, reserved, resetsAt, costNanos, limitNanos } = standing;
  return {
    day,
    timeZone,
    limit,
    used,
    reserved,
    remaining: leftOf(standing),
    warning: isWarned(standing),
    resetsAt,
    costUsd: dollarsOf(costNanos),
    limitUsd: limitNanos === null ? null : dollarsOf(limitNanos),
  };
};

export const leftOf = ({ limit, used, reserved }: Standing): number => Math.max(0, limit - used - reserved);
export const isShort = (standing: Standing, tokens: number): boolean => leftOf(standing) < tokens;
export const nanosLeft = ({ limitNanos, costNanos, reservedNanos }: Standing): number =>
  limitNanos === null ? Infinity : limitNanos - costNanos - reservedNanos;
export const secondsToReset = ({ resetsAt }: Standing): number => Math.max(1, Math.ceil((resetsAt.getTime() - Date.now()) / 1_000));

/** What every answer of the AI tells of the budget. */
export const budgetHeaders = (standing: Standing): Record<string, string> => ({
  'x-token-budget-limit': String(standing.limit),
  'x-token-budget-used': String(standing.used),
  'x-token-budget-remaining': String(leftOf(standing)),
  'x-token-budget-reset': String(secondsToReset(standing)),
  ...(isWarned(standing) ? { 'x-token-budget-warning': 'true' } : {}),
});

export const budgetLines = (standing: Standing): string =>
  Object.entries(budgetHeaders(standing))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

/** Coming again before the budget begins anew is of no use, which clients cannot know by the status alone. */
export const exhaustedHeaders = (standing: Standing, passes: boolean): Record<string, string> => ({
  ...budgetHeaders(standing),
  ...(passes ? SOON : { 'retry-after': String(secondsToReset(standing)), 'x-should-retry': 'false' }),
});

/** For what is over in a moment. */
export const SOON = { 'retry-after': '1' };
