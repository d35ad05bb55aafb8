/** A message that is due, and what is known of whom it goes to. Moments are milliseconds of the database's clock. */
export interface Due {
  id: string;
  phone: string;
  isText: boolean;
  lane: 'direct' | 'broadcast';
  rankMs: number;
  /** Before this nothing more goes to him. */
  nextMs: number;
  /** Until then he may be written to freely. */
  windowMs: number | null;
  /** When he was last written to first. */
  openedMs: number | null;
  optedOut: boolean;
}

export interface TurnRules {
  perSecond: number;
  /** Between two messages to one telephone. */
  pairMs: number;
  /** How far ahead turns are given. */
  untilMs: number;
  /** Most that are taken. */
  room: number;
  /** Whether texts go only to who has written within a day. */
  enforcesWindow: boolean;
  /** How many may still be written to first, and when one more may be. */
  openingsLeft: number;
  opensAgainMs: number;
}

export interface Turns {
  taken: { id: string; phone: string; atMs: number; opens: boolean }[];
  later: { id: string; atMs: number }[];
  suppressed: string[];
  /** Texts to whom only a template may be sent. */
  closed: string[];
  /** The next turn that nobody has. */
  nextMs: number;
}

/** Of so many turns one is kept for broadcasts that have come to their age: however much else comes, they move. */
export const ONE_OF = 5;

/** In their order: what somebody waits for before broadcasts, but for the turns that are kept for those. The line stood still for a day, and still it is so. */
export function inOrder(due: readonly Due[], firstTurn: number): Due[] {
  const lanes = { direct: due.filter(({ lane }) => lane === 'direct'), broadcast: due.filter(({ lane }) => lane === 'broadcast') };
  const [direct, broadcast] = [lanes.direct.values(), lanes.broadcast.values()];
  const order: Due[] = [];
  let [person, many] = [direct.next().value, broadcast.next().value];
  for (let turn = firstTurn; person ?? many; turn += 1) {
    const isKept = turn % ONE_OF === 0 && many && person && many.rankMs < person.rankMs;
    if (many && (isKept || !person)) {
      order.push(many);
      many = broadcast.next().value;
    } else if (person) {
      order.push(person);
      person = direct.next().value;
    }
  }
  return order;
}

export const DAY_MS = 86_400_000;
const MOST_LATE_MS = 100;

/**
 * Of the pace that is allowed, what is used: no call comes in the very moment of its turn, and none may come too many.
 * Where a twentieth more is less than one call, not even one may be too many.
 */
const USED = 0.975;
const USED_OF_FEW = 0.955;
const FEW = 20;
/** Between two turns. */
export const gapMs = (perSecond: number): number => 1_000 / (perSecond * (perSecond < FEW ? USED_OF_FEW : USED));

/** Between two turns of one telephone: what is wanted, and what a call may be late. */
export const pairMs = ({ WHATSAPP_PAIR_SECONDS }: { WHATSAPP_PAIR_SECONDS: number }): number =>
  WHATSAPP_PAIR_SECONDS === 0 ? 0 : WHATSAPP_PAIR_SECONDS * 1_000 + MOST_LATE_MS;

/** Gives those that are due, in their order, their turns from `startMs` on: one after the other, and never two to one telephone too close. */
export function turnsOf(due: readonly Due[], startMs: number, rules: TurnRules): Turns {
  const turns: Turns = { taken: [], later: [], suppressed: [], closed: [], nextMs: startMs };
  const met = new Map<string, number>();
  const opened = new Set<string>();
  let { openingsLeft } = rules;
  for (const { id, phone, isText, nextMs, windowMs, openedMs, optedOut } of due) {
    if (turns.taken.length >= rules.room || turns.nextMs > rules.untilMs) break;
    const atMs = turns.nextMs;
    const free = met.get(phone) ?? nextMs;
    const isOpen = windowMs !== null && windowMs > atMs;
    const opens = !isOpen && !opened.has(phone) && (openedMs === null || openedMs <= atMs - DAY_MS);
    if (optedOut) turns.suppressed.push(id);
    else if (rules.enforcesWindow && isText && !isOpen) turns.closed.push(id);
    else if (opens && openingsLeft <= 0) turns.later.push({ id, atMs: rules.opensAgainMs });
    else if (free > atMs) {
      turns.later.push({ id, atMs: free });
      met.set(phone, free + rules.pairMs);
    } else {
      turns.taken.push({ id, phone, atMs, opens });
      turns.nextMs = atMs + 1_000 / rules.perSecond;
      met.set(phone, atMs + rules.pairMs);
      if (opens) {
        openingsLeft -= 1;
        opened.add(phone);
      }
    }
  }
  return turns;
}
