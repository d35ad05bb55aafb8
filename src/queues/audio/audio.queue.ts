import { defineJob, defineQueue } from '../../outbox/contracts.js';

export const AUDIO = 'audio';

/** What is done around recordings; they themselves stand in a line of their own. */
export const audioQueue = defineQueue({ name: AUDIO, concurrency: 2 });

/** Files follow their rows, once these are gone for sure. */
export const removeRecordings = defineJob<{ ids: string[] }>({ queue: audioQueue, name: 'audio.remove-recordings' });

/** Of whoever works: how long he may be silent before others take over. */
export const LEASE_SECONDS = 15;
export const PAUSED = `EXISTS (SELECT FROM queue_states WHERE queue = '${AUDIO}' AND paused)`;
/** On how many recordings all living workers work at once. */
export const SLOTS = `(SELECT greatest(1, coalesce(sum(at_once), 0))::int FROM audio_runners WHERE seen_at > now() - interval '${LEASE_SECONDS} seconds')`;
