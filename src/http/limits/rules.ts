import { workerCount, type Config } from '../../config/config.js';

export const WINDOW_SECONDS = 60;
export const WINDOW_MS = WINDOW_SECONDS * 1_000;
/** Requests closer together than this are counted as one moment, so that a count stays small. */
export const GRAIN_MS = 1_000;
/** How long a process may pass out tokens that it holds; what is left then goes back. */
export const LEASE_MS = 1_000;
/** Up to here a limit holds to the very request, so nothing is leased. */
const EXACT_UP_TO = 100;
/** The part of a limit that may lie in processes unused. */
const LENT_PART = 20;
const WRONG_PROOFS_PER_MINUTE = 60;

export const ruleNames = ['address', 'user', 'costly', 'auth', 'account', 'proof'] as const;
export type RuleName = (typeof ruleNames)[number];

export interface Rule {
  name: RuleName;
  /** Requests of one caller in any minute; 0: off. */
  limit: number;
  /** The lines of an answer that always are the same, up to what is left. */
  lines: string;
  /** What one process lets through where it has to count alone. */
  share: number;
  /** Most tokens that one process holds for one caller. */
  block: number;
  /** The same over all processes. */
  lent: number;
}

export type Rules = Readonly<Record<RuleName, Rule>> & {
  /** The same with a person's own limit; where it is switched off for all, it is for him. */
  own: (rule: Rule, limit: number | null | undefined) => Rule;
};

export function rulesOf(config: Config): Rules {
  const processes = workerCount(config);
  const rule = (name: RuleName, limit: number): Rule => ({
    name,
    limit,
    lines: `X-RateLimit-Limit: ${limit}\r\nRateLimit-Policy: "${name}";q=${limit};w=${WINDOW_SECONDS}\r\nRateLimit: "${name}";r=`,
    share: Math.max(1, Math.floor(limit / processes)),
    block: limit > EXACT_UP_TO ? Math.floor(limit / (LENT_PART * processes)) : 0,
    lent: Math.floor(limit / LENT_PART),
  });
  // As many as there are plans.
  const made = new Map<string, Rule>();
  const own = (given: Rule, limit: number | null | undefined): Rule => {
    if (typeof limit !== 'number' || limit === given.limit || given.limit === 0) return given;
    const name = `${given.name} ${limit}`;
    const known = made.get(name) ?? rule(given.name, limit);
    made.set(name, known);
    return known;
  };
  return {
    own,
    address: rule('address', config.RATE_LIMIT_IP_PER_MINUTE),
    user: rule('user', config.RATE_LIMIT_USER_PER_MINUTE),
    costly: rule('costly', config.RATE_LIMIT_PER_MINUTE),
    auth: rule('auth', config.RATE_LIMIT_AUTH_PER_MINUTE),
    account: rule('account', config.RATE_LIMIT_AUTH_PER_MINUTE),
    proof: rule('proof', WRONG_PROOFS_PER_MINUTE),
  };
}
