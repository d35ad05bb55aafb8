import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Cell } from './messages.js';

/** So many digits of a decimal number a JavaScript number holds, whatever they are. */
const EXACT_DIGITS = 15;
const FARTHEST_MS = 8.64e15;

/** A value as JSON has it; numbers that JavaScript cannot hold stay exact, as text. */
export function cellOf(value: DuckDBValue): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof DuckDBDecimalValue) return exact(value.toString());
  if (value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBTimestampValue) return moment(value.toString());
  if (value instanceof DuckDBTimestampTZValue) {
    const ms = Number(value.micros / 1_000n);
    return Math.abs(ms) > FARTHEST_MS ? value.toString() : new Date(ms).toISOString();
  }
  if (value instanceof DuckDBIntervalValue) return value.toString();
  return String(value);
}

const exact = (text: string): Cell => (text.replaceAll(/\D/g, '').length > EXACT_DIGITS ? text : Number(text));

/** Infinite ones have no hour. */
const moment = (text: string): string => (/^\d/.test(text) ? `${text.replace(' ', 'T')}Z` : text);
