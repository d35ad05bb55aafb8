import { plusDays } from '../reports/days.js';
import type { Period } from '../reports/reports.js';
import { bare } from './words.js';

const months = [
  'janeiro',
  'fevereiro',
  'marco',
  'abril',
  'maio',
  'junho',
  'julho',
  'agosto',
  'setembro',
  'outubro',
  'novembro',
  'dezembro',
];
const englishMonths = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];
const small: Record<string, number> = {
  ...{ um: 1, uma: 1, dois: 2, duas: 2, tres: 3, quatro: 4, cinco: 5, seis: 6, sete: 7, oito: 8, nove: 9, dez: 10, doze: 12 },
  ...{ one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, twelve: 12 },
};
const units: Record<string, 'day' | 'week' | 'month' | 'year'> = {
  ...{ dia: 'day', dias: 'day', day: 'day', days: 'day', semana: 'week', semanas: 'week', week: 'week', weeks: 'week' },
  ...{ mes: 'month', meses: 'month', month: 'month', months: 'month', ano: 'year', anos: 'year', year: 'year', years: 'year' },
};
const MOST = 3_660;

export interface Found {
  period: Period;
  length: number;
}

export const countOf = (word: string | undefined): number | undefined => {
  if (word === undefined) return undefined;
  if (/^\d{1,4}$/.test(word)) return Number(word);
  return small[word];
};

const firstOfMonth = (day: string, back = 0): string => {
  const [year = 0, month = 0] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 - back, 1)).toISOString().slice(0, 10);
};
const monthOf = (year: number, month: number): Period => {
  const first = new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10);
  return { from: first, to: plusDays(firstOfMonth(first, -1), -1) };
};
const monday = (day: string): string => plusDays(day, -((new Date(day).getUTCDay() + 6) % 7));
const yearOf = (year: number): Period => ({ from: `${year}-01-01`, to: `${year}-12-31` });

/** The last so many, with the one that goes on at this moment; of days and weeks whole days back from today. */
function back(unit: string, count: number, today: string): Period {
  if (unit === 'day') return { from: plusDays(today, 1 - Math.min(count, MOST)), to: today };
  if (unit === 'week') return { from: plusDays(today, 1 - Math.min(count * 7, MOST)), to: today };
  if (unit === 'month') return { from: firstOfMonth(today, Math.min(count, 120) - 1), to: today };
  return { from: `${Number(today.slice(0, 4)) - Math.min(count, 10) + 1}-01-01`, to: today };
}

function whole(unit: string, ago: 0 | 1, today: string): Period {
  const year = Number(today.slice(0, 4));
  if (unit === 'day') return { from: plusDays(today, -ago), to: plusDays(today, -ago) };
  if (unit === 'week')
    return ago ? { from: plusDays(monday(today), -7), to: plusDays(monday(today), -1) } : { from: monday(today), to: today };
  if (unit === 'month')
    return ago ? { from: firstOfMonth(today, 1), to: plusDays(firstOfMonth(today), -1) } : { from: firstOfMonth(today), to: today };
  return ago ? yearOf(year - 1) : { from: `${year}-01-01`, to: today };
}

const dayOf = (word: string | undefined): string | undefined => {
  if (word === undefined) return undefined;
  const local = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(word);
  const text = local ? `${local[3]}-${String(local[2]).padStart(2, '0')}-${String(local[1]).padStart(2, '0')}` : word;
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(text) : undefined;
  return at && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text) ? text : undefined;
};

const isYear = (word: string | undefined): boolean => word !== undefined && /^20\d\d$/.test(word);

function monthAt(words: readonly string[], at: number, today: string): Found | undefined {
  const name = words[at] ?? '';
  const month = Math.max(months.indexOf(name), englishMonths.indexOf(name));
  if (month < 0) return undefined;
  const joined = words[at + 1] === 'de' || words[at + 1] === 'of' ? 1 : 0;
  if (isYear(words[at + 1 + joined])) return { period: monthOf(Number(words[at + 1 + joined]), month), length: 2 + joined };
  // Without a year the last one that has begun.
  const [year = 0, now = 0] = today.split('-').map(Number);
  return { period: monthOf(month < now ? year : year - 1, month), length: 1 };
}

/** The time that begins here, and how many words it takes. */
export function timeAt(words: readonly string[], at: number, today: string): Found | undefined {
  const word = words.slice(at, at + 6).map(bare);
  const [first, second, third] = word;
  if (first === 'hoje' || first === 'today') return { period: { from: today, to: today }, length: 1 };
  if (first === 'ontem' || first === 'yesterday') return { period: whole('day', 1, today), length: 1 };
  if (first === 'anteontem') return { period: { from: plusDays(today, -2), to: plusDays(today, -2) }, length: 1 };
  const unit = units[first ?? ''];
  if (unit && (second === 'passado' || second === 'passada' || second === 'anterior')) return { period: whole(unit, 1, today), length: 2 };
  if (unit && (second === 'atual' || second === 'corrente')) return { period: whole(unit, 0, today), length: 2 };
  const next = units[second ?? ''];
  if (next && ['este', 'esta', 'neste', 'nesta', 'deste', 'desta', 'this', 'current'].includes(first ?? ''))
    return { period: whole(next, 0, today), length: 2 };
  if (next && (first === 'last' || first === 'previous' || first === 'ultimo' || first === 'ultima') && countOf(second) === undefined)
    return { period: whole(next, 1, today), length: 2 };
  const count = countOf(second);
  if (count !== undefined && count > 0 && units[third ?? ''] && ['ultimos', 'ultimas', 'last', 'past', 'previous'].includes(first ?? ''))
    return { period: back(units[third ?? '']!, count, today), length: 3 };
  if (['entre', 'between', 'from', 'de'].includes(first ?? '') && ['e', 'and', 'to', 'a', 'ate'].includes(third ?? '')) {
    const [from, to] = [dayOf(second), dayOf(word[3])];
    if (from && to && from <= to) return { period: { from, to }, length: 4 };
  }
  if (['desde', 'since'].includes(first ?? '') && dayOf(second)) return { period: { from: dayOf(second)!, to: today }, length: 2 };
  if (dayOf(first)) return { period: { from: dayOf(first)!, to: dayOf(first)! }, length: 1 };
  if (isYear(first)) return { period: yearOf(Number(first)), length: 1 };
  return monthAt(word, 0, today);
}
