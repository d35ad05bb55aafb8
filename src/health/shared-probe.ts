import { DeadlinePassed, within } from '../kernel/waiting.js';
import { type HealthProbe, ProbeDown, type ProbeFacts } from '../observability/probe.js';

const DEADLINE_MS = 1_000;
const FRESH_MS = 500;

interface Answer {
  up: boolean;
  facts: Record<string, unknown>;
}

/**
 * A probe whose answer is shared by all who ask within half a second, and which is not asked again while
 * an earlier question is open: probes must not become load, least of all on what is in trouble.
 */
export class SharedProbe {
  readonly name: string;
  readonly isVital: boolean;
  private checking: Promise<Record<string, unknown>> | undefined;
  private answer: Promise<Answer> | undefined;

  constructor(
    { name, whenDown }: ProbeFacts,
    private readonly probe: HealthProbe,
  ) {
    this.name = name;
    this.isVital = whenDown === 'error';
  }

  get mayBeUnready(): boolean {
    return this.probe.unready !== undefined;
  }

  unready(): string | undefined {
    return this.probe.unready?.();
  }

  /** Within a second, whatever happens. */
  ask(): Promise<Answer> {
    this.answer ??= this.check().finally(() => setTimeout(() => (this.answer = undefined), FRESH_MS).unref());
    return this.answer;
  }

  private async check(): Promise<Answer> {
    try {
      this.checking ??= this.probe.check().finally(() => (this.checking = undefined));
      return { up: true, facts: await within(DEADLINE_MS, this.name, this.checking) };
    } catch (fault) {
      const down = fault instanceof ProbeDown;
      return { up: false, facts: down ? { message: fault.message, ...fault.facts } : { message: plainly(fault) } };
    }
  }
}

// Error texts of drivers name hosts and users; the code says enough.
function plainly(fault: unknown): string {
  if (fault instanceof DeadlinePassed) return `no answer within ${DEADLINE_MS} ms`;
  const code = (fault as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? `failed with ${code}` : 'does not answer';
}
