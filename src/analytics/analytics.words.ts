import { sliceShape } from '../http/lists.js';
import type { RouteWords } from '../http/says.js';
import {
  answerShape,
  datasetsShape,
  refreshShape,
  reportShape,
  reportsShape,
  rowsShape,
  sessionShape,
  wholeSessionShape,
} from './analytics.dto.js';

const group = 'Business questions';
const id = '01a1f965-1ca7-7b97-b07d-3a038baf1d20';
const at = '2026-11-20T12:00:00.000Z';
const columns = [
  { name: 'day', type: 'DATE' },
  { name: 'gifts', type: 'BIGINT' },
  { name: 'donors', type: 'BIGINT' },
  { name: 'amount_cents', type: 'HUGEINT' },
];
const rows = [{ day: '2026-11-19', gifts: 12, donors: 11, amount_cents: 84_000 }];
const table = { columns, rows, rowCount: 1, truncated: false, currency: 'BRL', chart: null, snapshotAt: at, elapsedMs: 12.4 };
const refresh = { id, state: 'queued', requestedAt: at, beganAt: null, endedAt: null, finding: null };
const files =
  'As a file with `format=csv`, `jsonl` (a line of JSON for each row) or `parquet`, of at most a million rows or 256 MiB: `X-Truncated` says whether there were more. `svg` is its picture.';

type Route = 'ask' | 'query' | 'reports' | 'report' | 'refresh' | 'datasets' | 'sessions' | 'session' | 'forget';

export const analyticsWords: Record<Route, RouteWords> = {
  ask: {
    group,
    summary: 'Ask a question in Portuguese or English',
    detail:
      'For organizers, about their own campaigns, and admins. `sql` is what was run; `dryRun` only shows it, with the columns it would have. With the `sessionId` of an earlier answer a question may lean on the one before ' +
      '(“e por mês?”). `cached: true`: an equal question was understood before, and was not understood anew. With `AI_BASE_URL` a model writes the statement and is charged to the budget of who asks; it sees names of tables and columns, never a row. ' +
      `What is not understood is 422 \`question_not_understood\`, with questions that are in \`errors\`. ${files}`,
    body: { question: 'Quanto arrecadamos por campanha este mês?' },
    answers: {
      200: {
        says: 'The answer.',
        shape: answerShape,
        example: {
          ...{
            question: 'Quantas doações recebemos ontem?',
            sql: "SELECT count(*) AS gifts FROM donations WHERE status = 'confirmed' AND confirmed_day = DATE '2026-11-19'",
          },
          ...{
            columns: [columns[1]],
            rows: [{ gifts: 12 }],
            rowCount: 1,
            ...{ truncated: false, currency: 'BRL', chart: null },
            answer: 'Doações: 12 (ontem).',
          },
          ...{ cached: false, elapsedMs: 12.4, sessionId: id, snapshotAt: at, understoodBy: 'rules' },
        },
      },
    },
  },
  query: {
    group,
    summary: 'Ask by SQL',
    detail:
      'For admins. One SELECT of DuckDB over the tables that `GET /api/v1/analytics/datasets` lists, with functions that only compute, within 10 s. Anything else is 422 `sql_refused` with the reason. ' +
      `At most 10,000 rows or 4 MiB, told by \`truncated\`; as a file a million rows. ${files}`,
    body: { sql: 'SELECT status, count(*) AS gifts, sum(amount_cents) AS amount_cents FROM donations GROUP BY status ORDER BY gifts DESC' },
    answers: { 200: { says: 'Its rows.', shape: rowsShape, example: { sql: 'SELECT …', ...table } } },
  },
  reports: {
    group,
    summary: 'List the ready reports',
    answers: {
      200: {
        says: 'All that the caller may see.',
        shape: reportsShape,
        example: {
          items: [
            {
              name: 'funnel',
              says: 'how far the gifts have come that were promised in these days',
              formats: ['json', 'csv', 'jsonl', 'parquet', 'svg'],
              adminsOnly: false,
            },
          ],
          nextCursor: null,
        },
      },
    },
  },
  report: {
    group,
    summary: 'Read a ready report',
    detail: `For organizers, about their own campaigns, and admins. Days are those of America/Sao_Paulo, both included; by itself the last 30. ${files}`,
    answers: {
      200: {
        says: 'The report.',
        shape: reportShape,
        example: { name: 'donations-by-day', from: '2026-11-01', to: '2026-11-30', ...table },
      },
    },
  },
  refresh: {
    group,
    summary: 'Export anew what questions read',
    detail:
      'For admins. It is done in the background; while one waits, the same one is told. `GET /api/v1/analytics/datasets` tells what came of it.',
    answers: { 200: { says: 'What was ordered.', shape: refreshShape, example: refresh } },
  },
  datasets: {
    group,
    summary: 'List what is exported',
    detail: 'For admins. All of it is of one moment, `snapshotAt`. `networkBarred`: whether the processes that answer have no network.',
    answers: {
      200: {
        says: 'All tables that may be asked.',
        shape: datasetsShape,
        example: {
          items: [
            {
              ...{ name: 'donations', says: 'every gift, without who gave it', rows: 52_000, bytes: 410_000, parts: 4, files: 4 },
              columns: [{ name: 'amount_cents', type: 'BIGINT', says: 'amount in cents of BRL' }],
            },
          ],
          ...{ nextCursor: null, total: 1, page: 1, limit: 100 },
          ...{ version: id, snapshotAt: at, ageSeconds: 310, networkBarred: true, refresh },
        },
      },
    },
  },
  sessions: {
    group,
    summary: 'List your sessions of questions',
    answers: {
      200: {
        says: 'The one in which something was asked last first.',
        shape: sliceShape(sessionShape),
        example: { items: [{ id, createdAt: at, updatedAt: at, questions: 2 }], nextCursor: null },
      },
    },
  },
  session: {
    group,
    summary: 'Read one of your sessions',
    answers: {
      200: {
        says: 'With what was asked in it, the first question first.',
        shape: wholeSessionShape,
        example: { id, createdAt: at, updatedAt: at, questions: [{ id, question: 'Quantas doações?', sql: 'SELECT …', askedAt: at }] },
      },
    },
  },
  forget: { group, summary: 'Delete one of your sessions', answers: { 204: { says: 'It is gone.' } } },
};
