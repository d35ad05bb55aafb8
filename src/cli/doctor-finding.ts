import { DeadlinePassed, within } from '../kernel/waiting.js';

export interface Finding {
  level: 'ok' | 'warn' | 'fault';
  about: string;
  /** What was seen, and where it is not well, what to do. */
  says: string;
}

export const ok = (about: string, says: string): Finding => ({ level: 'ok', about, says });
export const warn = (about: string, wrong: string, todo: string): Finding => ({ level: 'warn', about, says: `${wrong}: ${todo}` });
export const fault = (about: string, wrong: string, todo: string): Finding => ({ level: 'fault', about, says: `${wrong}: ${todo}` });

export interface Check {
  about: string;
  /** What to do when it does not come to an end. */
  whenSilent: string;
  /** Gives up what it holds when the signal says so. */
  run: (signal: AbortSignal) => Promise<Finding[]>;
}

const DEADLINE_MS = 2_000;

export async function findingsOf({ about, whenSilent, run }: Check): Promise<Finding[]> {
  const deadline = new AbortController();
  try {
    return await within(DEADLINE_MS, about, run(deadline.signal));
  } catch (cause) {
    if (cause instanceof DeadlinePassed) return [fault(about, `no answer within ${DEADLINE_MS} ms`, whenSilent)];
    return [fault(about, reasonOf(cause), whenSilent)];
  } finally {
    deadline.abort();
  }
}

/** The innermost words of an error, which for several addresses of one host lie a step deeper. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}

export const codeOf = (cause: unknown): string | undefined => {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};
