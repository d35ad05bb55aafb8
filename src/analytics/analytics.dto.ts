import { z } from 'zod';
import { reportNames } from './reports/reports.js';

const MOST_SQL = 20_000;
const MOST_QUESTION = 1_000;

const plain = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^[^\0]*$/, 'must not hold the character NUL');

export const formats = ['json', 'csv', 'jsonl', 'parquet', 'svg'] as const;
export type Format = (typeof formats)[number];

export const querySchema = z.strictObject({ sql: plain(MOST_SQL) }).meta({ id: 'AnalyticsQuery' });
export type QueryBody = z.output<typeof querySchema>;

export const askSchema = z
  .strictObject({ question: plain(MOST_QUESTION), sessionId: z.uuid().toLowerCase().optional(), dryRun: z.boolean().optional() })
  .meta({ id: 'AnalyticsQuestion' });
export type AskBody = z.output<typeof askSchema>;

export const formatQuery = z.object({ format: z.enum(formats).default('json') });
export type FormatQuery = z.output<typeof formatQuery>;

/** No gift is older, and no date with fewer digits is meant. */
const FIRST_DAY = '2000-01-01';
const LAST_DAY = '2100-12-31';
const day = z.iso.date().refine((date) => date >= FIRST_DAY && date <= LAST_DAY, `must be from ${FIRST_DAY} to ${LAST_DAY}`);
export const reportQuery = z.object({ from: day.optional(), to: day.optional(), format: z.enum(formats).default('json') });
export type ReportQuery = z.output<typeof reportQuery>;

const columnShape = z.object({ name: z.string(), type: z.string() });
const rowShape = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
const chartShape = z.object({ spec: z.looseObject({}), svg: z.string() }).nullable();

const answerParts = {
  columns: z.array(columnShape),
  rows: z.array(rowShape),
  rowCount: z.int(),
  truncated: z.boolean(),
  currency: z.enum(['BRL', 'USD']),
  chart: chartShape,
};

export const rowsShape = z
  .object({ sql: z.string(), ...answerParts, snapshotAt: z.iso.datetime(), elapsedMs: z.number() })
  .meta({ id: 'AnalyticsRows' });

export const answerShape = z
  .object({
    question: z.string(),
    sql: z.string(),
    ...answerParts,
    answer: z.string().nullable(),
    cached: z.boolean(),
    elapsedMs: z.number(),
    sessionId: z.uuid(),
    snapshotAt: z.iso.datetime(),
    understoodBy: z.enum(['rules', 'model']),
  })
  .meta({ id: 'AnalyticsAnswer' });

export const reportShape = z
  .object({
    name: z.enum(reportNames),
    from: z.iso.date(),
    to: z.iso.date(),
    ...answerParts,
    snapshotAt: z.iso.datetime(),
    elapsedMs: z.number(),
  })
  .meta({ id: 'AnalyticsReport' });

export const reportsShape = z.object({
  items: z.array(z.object({ name: z.enum(reportNames), says: z.string(), formats: z.array(z.enum(formats)), adminsOnly: z.boolean() })),
  nextCursor: z.null(),
});

export const refreshShape = z
  .object({
    id: z.uuid(),
    state: z.enum(['queued', 'running', 'done', 'failed']),
    requestedAt: z.iso.datetime(),
    beganAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
    finding: z.looseObject({}).nullable(),
  })
  .meta({ id: 'AnalyticsRefresh' });

export const datasetsShape = z
  .object({
    items: z.array(
      z.object({
        name: z.string(),
        says: z.string(),
        rows: z.int(),
        bytes: z.int(),
        parts: z.int(),
        files: z.int(),
        columns: z.array(z.object({ name: z.string(), type: z.string(), says: z.string() })),
      }),
    ),
    nextCursor: z.null(),
    ...{ total: z.int(), page: z.int(), limit: z.int() },
    version: z.string().nullable(),
    snapshotAt: z.iso.datetime().nullable(),
    ageSeconds: z.int().nullable(),
    networkBarred: z.boolean(),
    refresh: refreshShape.nullable(),
  })
  .meta({ id: 'AnalyticsDatasets' });

const sessionParts = { id: z.uuid(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime() };
export const sessionShape = z.object(sessionParts).extend({ questions: z.int() }).meta({ id: 'AnalyticsSession' });
export const wholeSessionShape = z
  .object(sessionParts)
  .extend({ questions: z.array(z.object({ id: z.uuid(), question: z.string(), sql: z.string(), askedAt: z.iso.datetime() })) })
  .meta({ id: 'AnalyticsSessionWhole' });
