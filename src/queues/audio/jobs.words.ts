import { z } from 'zod';
import { sliceShape } from '../../http/lists.js';
import type { RouteWords } from '../../http/says.js';
import { acceptedJobShape, concurrencyViewShape, jobItemShape, jobShape, uploadShape } from './jobs.dto.js';

const group = 'Audio';
const id = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';

const item = {
  ...{ id, status: 'completed', progress: 1, priority: 'normal', format: 'ogg', bytes: 182_044 },
  ...{ createdAt: '2026-11-29T12:00:00.000Z', startedAt: '2026-11-29T12:00:00.300Z', endedAt: '2026-11-29T12:00:01.900Z' },
  error: null,
  result: {
    ...{ durationSeconds: 61.4, integratedLufs: -23.418, truePeakDbtp: -4.207, loudnessRangeLu: 5.31 },
    ...{ clipping: false, clippedSamples: 0, silenceRatio: 0.084 },
    format: { container: 'ogg', codec: 'opus', sampleRate: 48_000, channels: 1, bitRate: 24_000 },
    normalized: {
      ...{ durationSeconds: 61.4, integratedLufs: -16.03, truePeakDbtp: -1.12, loudnessRangeLu: 4.97 },
      ...{ gainDb: 7.418, limited: true, bitRate: 64_000 },
    },
    transcript: 'Oi, gente! Faltam só dois dias.',
    transcriptState: 'made',
  },
};
const event = { id, status: 'running', progress: 0.42, at: '2026-11-29T12:00:01.000Z' };

export const jobWords: Record<'send' | 'list' | 'one' | 'events' | 'end' | 'waveform' | 'normalized' | 'concurrency', RouteWords> = {
  send: {
    group,
    summary: 'Send a recording',
    detail:
      'Measured, brought to −16 LUFS as Ogg/Opus, drawn, and where the AI hears, written down. What it is, is told by its bytes. `position` counts those before it, from 0; nine of ten have ended within their `etaSeconds`, which is `null` while the queue is paused. ' +
      '`high` is for organizers and admins. 503 `overloaded` where too many wait, 429 `too_many_waiting` where too many of one’s own do: `Retry-After` says when there is room.',
    upload: uploadShape,
    body: { file: 'voz.ogg', priority: 'normal' },
    answers: {
      202: { says: 'It waits for its turn.', shape: acceptedJobShape, example: { id, status: 'queued', position: 2, etaSeconds: 4.31 } },
    },
  },
  list: {
    group,
    summary: 'List your recordings',
    detail: 'The newest first.',
    answers: { 200: { says: 'Those that fit.', shape: sliceShape(jobItemShape), example: { items: [item], nextCursor: null } } },
  },
  one: {
    group,
    summary: 'Read a recording’s state',
    detail:
      'One’s own. `result` is there once it is completed; `error` says why it failed and what to do. `integratedLufs` is `null` where it is too short or too quiet to be measured; ' +
      '`silenceRatio` is the part of it below −50 dBFS. `transcriptState` says why there is no `transcript`, where there is none.',
    answers: { 200: { says: 'As it stands.', shape: jobShape, example: { ...item, position: null, etaSeconds: null } } },
  },
  events: {
    group,
    summary: 'Follow a recording',
    detail:
      'Events `status` and `progress`, each with a number. Whoever comes back with `Last-Event-ID` gets what happened after that; 204 where nothing more will. The last one has the `result` or the `error`.',
    headers: { 'last-event-id': { says: 'The number of the last event that was heard.', example: '3' } },
    answers: {
      200: {
        says: 'Events as they happen, until it has ended.',
        shape: z.string(),
        example: `id: 4\nevent: progress\ndata: ${JSON.stringify(event)}\n\n`,
        type: 'text/event-stream',
      },
      204: { says: 'All of it was heard already.' },
    },
  },
  end: {
    group,
    summary: 'Cancel or delete a recording',
    detail: 'What has not ended is cancelled, also while it is worked on, and its files go. What has ended goes as a whole.',
    answers: { 204: { says: 'Done.' } },
  },
  waveform: {
    group,
    summary: 'See a recording',
    detail: 'Its peaks as SVG, in the colour of the text around it. 404 until it is completed.',
    answers: {
      200: { says: 'The picture.', shape: z.string(), example: '<svg xmlns="http://www.w3.org/2000/svg"/>', type: 'image/svg+xml' },
    },
  },
  normalized: {
    group,
    summary: 'Hear a recording at −16 LUFS',
    detail:
      'Ogg/Opus with one channel, at most −1 dBTP. 404 until it is completed. One range of its bytes may be asked for, as players do.',
    headers: {
      range: { says: 'The bytes that are wanted.', example: 'bytes=0-' },
      'if-range': { says: 'The `ETag` of which they are a part; all of it comes where that is another.' },
    },
    answers: {
      200: { says: 'The file.', shape: z.string().meta({ format: 'binary' }), type: 'audio/ogg' },
      206: { says: 'A part of it; `Content-Range` says which.', shape: z.string().meta({ format: 'binary' }), type: 'audio/ogg' },
    },
  },
  concurrency: {
    group: 'Queues',
    summary: 'Set how many recordings are worked on at once',
    detail:
      'For admins: by each worker, at once and without a new start. `null`: as AUDIO_CONCURRENCY says. `together` counts all living workers.',
    body: { atOnce: 4 },
    answers: { 200: { says: 'It holds.', shape: concurrencyViewShape, example: { atOnce: 4, workers: 2, together: 8 } } },
  },
};
