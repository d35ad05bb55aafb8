export const states = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type State = (typeof states)[number];

export const hasEnded = (state: State): boolean => state !== 'queued' && state !== 'running';

/** What there may be to say of what was spoken. */
export const transcriptStates = ['made', 'not_offered', 'budget_exhausted', 'too_large', 'failed', 'unknown'] as const;
export type TranscriptState = (typeof transcriptStates)[number];
