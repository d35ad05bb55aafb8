import { z } from 'zod';
import { listQuery } from '../../http/lists.js';
import { priorities } from '../../outbox/contracts.js';
import { kindNames } from './engine/kinds.js';
import type { JobView } from './jobs.store.js';
import type { Told } from './line/promises.service.js';
import { states, transcriptStates } from './states.js';

export const uploadShape = z
  .object({
    file: z.string().meta({ format: 'binary', description: 'WAV, MP3, Ogg, M4A, FLAC or WebM' }),
    priority: z.enum(priorities).default('normal').optional(),
  })
  .meta({ id: 'AudioUpload' });

export const jobsQuery = z.object({ ...listQuery, status: z.enum(states).optional() });
export type JobsQuery = z.output<typeof jobsQuery>;

const place = { position: z.int().nullable(), etaSeconds: z.number().nullable() };
const loudness = { integratedLufs: z.number().nullable(), truePeakDbtp: z.number().nullable(), loudnessRangeLu: z.number().nullable() };

export const acceptedJobShape = z.object({ id: z.uuid(), status: z.enum(states), ...place }).meta({ id: 'AcceptedAudio' });

const resultShape = z
  .object({
    durationSeconds: z.number(),
    ...loudness,
    clipping: z.boolean(),
    clippedSamples: z.int(),
    silenceRatio: z.number(),
    format: z.object({
      container: z.enum(kindNames),
      codec: z.string(),
      sampleRate: z.int(),
      channels: z.int(),
      bitRate: z.number().nullable(),
    }),
    normalized: z.object({ ...loudness, durationSeconds: z.number(), gainDb: z.number(), limited: z.boolean(), bitRate: z.int() }),
    transcript: z.string().optional(),
    transcriptState: z.enum(transcriptStates),
  })
  .meta({ id: 'AudioResult' });

const errorShape = z.object({ reason: z.string(), advice: z.string().nullable() });

export const jobShape = z
  .object({
    id: z.uuid(),
    status: z.enum(states),
    ...place,
    progress: z.number(),
    priority: z.enum(priorities),
    format: z.enum(kindNames),
    bytes: z.int(),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
    error: errorShape.nullable(),
    result: resultShape.nullable(),
  })
  .meta({ id: 'AudioJob' });

export const jobItemShape = jobShape.omit({ position: true, etaSeconds: true }).meta({ id: 'AudioJobItem' });

export const concurrencyShape = z.strictObject({ atOnce: z.int().min(1).max(64).nullable() }).meta({ id: 'AudioConcurrency' });
export type ConcurrencyBody = z.output<typeof concurrencyShape>;

export const concurrencyViewShape = concurrencyShape.extend({ workers: z.int(), together: z.int() }).meta({ id: 'AudioConcurrencyView' });

/** As far as anybody hears or sees a difference. */
function rounded<T>(value: T): T {
  if (typeof value === 'number') return Number(value.toFixed(3)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, rounded(inner)])) as T;
}

export const itemOf = ({ id, state, kind, progress, priority, bytes, createdAt, startedAt, endedAt, ...rest }: JobView) => ({
  ...{ id, status: state, progress: rounded(progress), priority, format: kind, bytes, createdAt, startedAt, endedAt },
  error: rest.why === null ? null : { reason: rest.why, advice: rest.advice },
  result:
    state !== 'completed' || rest.measures === null
      ? null
      : {
          ...rounded(rest.measures),
          ...(rest.transcript !== null && { transcript: rest.transcript }),
          transcriptState: rest.transcriptState ?? 'unknown',
        },
});

export const jobOf = (job: JobView, told: Told) => ({ ...itemOf(job), ...told });
