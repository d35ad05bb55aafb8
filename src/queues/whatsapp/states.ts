export const publicStatuses = ['queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'suppressed', 'unknown'] as const;
export type PublicStatus = (typeof publicStatuses)[number];

/** How far a message has come: it waits for its time, for its turn, for its broadcast, or for the moment of its turn. */
export type State = 'later' | 'held' | 'taken' | PublicStatus;

const waiting: readonly State[] = ['later', 'queued', 'held', 'taken'];

/** Besides those, by which messages may be looked for: what was refused and waits, and what is due for long. */
export const STUCK = 'stuck';
export type Sought = PublicStatus | typeof STUCK;

/** What people are told: for them, what waits is in the queue, whatever it waits for. */
export const statusOf = (state: State): PublicStatus => (waiting.includes(state) ? 'queued' : (state as PublicStatus));

export const statesOf = (status: Sought): readonly State[] => (status === 'queued' || status === STUCK ? waiting : [status]);

/** With which the telephone of somebody who is gone begins. */
export const GONE = 'gone:';
