import { plusDays } from '../reports/days.js';
import type { Period } from '../reports/reports.js';

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
/** “The last months” are nobody knows how many. */
const several = new Set('dias semanas meses anos days weeks months years'.split(' '));
/** Farther back there is nothing. */
const MOST_BACK = { day: 3_660, week: 520, month: 120, year: 10 };
/** From where what only has an end is counted. */
export const BEGINNING = '1970-01-01';

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
function back(unit: 'day' | 'week' | 'month' | 'year', count: number, today: string): Period {
  if (unit === 'day') return { from: plusDays(today, 1 - count), to: today };
  if (unit === 'week') return { from: plusDays(today, 1 - count * 7), to: today };
  if (unit === 'month') return { from: firstOfMonth(today, count - 1), to: today };
  return { from: `${Number(today.slice(0, 4)) - count + 1}-01-01`, to: today };
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

const joinsOf = (word: string | undefined): number => (word === 'de' || word === 'of' ? 1 : 0);
const monthNamed = (word: string | undefined): number => Math.max(months.indexOf(word ?? ''), englishMonths.indexOf(word ?? ''));

/** “Marco” and “may” are months only after one of these, and “top 5 de outubro” is no day. */
const beforeMonths = new Set(
  'em de do no entre e ate desde durante dia a in on of for during since until from between to and the'.split(' '),
);

function monthAt(words: readonly string[], at: number, today: string): Found | undefined {
  const month = monthNamed(words[at]);
  if (month < 0) return undefined;
  // “March 5, 2026”
  const written = [words[at + 2], String(month + 1).padStart(2, '0'), words[at + 1]?.padStart(2, '0')].join('-');
  if (/^\d{1,2}$/.test(words[at + 1] ?? '') && isYear(words[at + 2]))
    return dayOf(written) ? { period: { from: written, to: written }, length: 3 } : undefined;
  const joined = joinsOf(words[at + 1]);
  if (isYear(words[at + 1 + joined])) return { period: monthOf(Number(words[at + 1 + joined]), month), length: 2 + joined };
  if (!beforeMonths.has(words[at - 1] ?? '')) return undefined;
  // Without a year the last one that has begun.
  const [year = 0, now = 0] = today.split('-').map(Number);
  return { period: monthOf(month < now ? year : year - 1, month), length: 1 };
}

/** “5 de outubro”, “dia 5 de outubro de 2026” */
function dayOfMonthAt(words: readonly string[], at: number, today: string): Found | undefined {
  const start = words[at] === 'dia' ? at + 1 : at;
  const name = start + 1 + joinsOf(words[start + 1]);
  const month = monthNamed(words[name]);
  if (month < 0 || !/^\d{1,2}$/.test(words[start] ?? '') || !beforeMonths.has(words[start - 1] ?? '')) return undefined;
  const its = name + 1 + joinsOf(words[name + 1]);
  const inYear = (year: string) => dayOf(`${words[start] ?? ''}/${month + 1}/${year}`);
  const now = today.slice(0, 4);
  const latest = inYear(now);
  const day = isYear(words[its])
    ? inYear(words[its] ?? '')
    : latest !== undefined && latest <= today
      ? latest
      : inYear(String(Number(now) - 1));
  return day === undefined ? undefined : { period: { from: day, to: day }, length: (isYear(words[its]) ? its : name) + 1 - at };
}

function oneAt(words: readonly string[], at: number, today: string): Found | undefined {
  const [first, second, third] = words.slice(at, at + 3);
  if (first === 'hoje' || first === 'today') return { period: { from: today, to: today }, length: 1 };
  if (first === 'ontem' || first === 'yesterday') return { period: whole('day', 1, today), length: 1 };
  if (first === 'anteontem') return { period: { from: plusDays(today, -2), to: plusDays(today, -2) }, length: 1 };
  const unit = several.has(first ?? '') ? undefined : units[first ?? ''];
  if (unit && (second === 'passado' || second === 'passada' || second === 'anterior')) return { period: whole(unit, 1, today), length: 2 };
  if (unit && (second === 'atual' || second === 'corrente')) return { period: whole(unit, 0, today), length: 2 };
  const next = several.has(second ?? '') ? undefined : units[second ?? ''];
  if (next && ['este', 'esta', 'neste', 'nesta', 'deste', 'desta', 'this', 'current'].includes(first ?? ''))
    return { period: whole(next, 0, today), length: 2 };
  if (next && (first === 'last' || first === 'previous' || first === 'ultimo' || first === 'ultima') && countOf(second) === undefined)
    return { period: whole(next, 1, today), length: 2 };
  const count = countOf(second);
  const many = units[third ?? ''];
  if (count && many && ['ultimos', 'ultimas', 'last', 'past', 'previous'].includes(first ?? ''))
    return count <= MOST_BACK[many] ? { period: back(many, count, today), length: 3 } : undefined;
  if (dayOf(first)) return { period: { from: dayOf(first)!, to: dayOf(first)! }, length: 1 };
  if (isYear(first)) return { period: yearOf(Number(first)), length: 1 };
  return dayOfMonthAt(words, at, today) ?? monthAt(words, at, today);
}

const spans: Record<string, readonly string[]> = {
  ...{ entre: ['e'], between: ['and'], de: ['a', 'ate'], desde: ['ate'], from: ['to', 'until', 'through'], since: ['until'] },
};
const articles = new Set(['o', 'a', 'os', 'as', 'the']);

/** A time with an article or without, and where it ends. */
function afterArticle(words: readonly string[], at: number, today: string): { period: Period; end: number } | undefined {
  const start = articles.has(words[at] ?? '') ? at + 1 : at;
  const found = oneAt(words, start, today);
  return found && { period: found.period, end: start + found.length };
}

/** From one time to another, until one, or since one. */
function spanAt(words: readonly string[], at: number, today: string): Found | undefined {
  const first = words[at] ?? '';
  const isPartir = first === 'a' && words[at + 1] === 'partir' && /^d[eao]$/.test(words[at + 2] ?? '');
  const one = afterArticle(words, isPartir ? at + 3 : at + 1, today);
  if (!one) return undefined;
  const { from, to } = one.period;
  if (spans[first]?.includes(words[one.end] ?? '')) {
    const other = afterArticle(words, one.end + 1, today);
    return other && from <= other.period.from && to <= other.period.to
      ? { period: { from, to: other.period.to }, length: other.end - at }
      : undefined;
  }
  if (first === 'ate' || first === 'until') return { period: { from: BEGINNING, to }, length: one.end - at };
  const isOn = first === 'from' && ['on', 'onward', 'onwards'].includes(words[one.end] ?? '');
  if (from > today || !(isPartir || isOn || first === 'desde' || first === 'since')) return undefined;
  return { period: { from, to: today }, length: one.end + (isOn ? 1 : 0) - at };
}

/** The time that begins here, and how many words it takes. */
export const timeAt = (words: readonly string[], at: number, today: string): Found | undefined =>
  spanAt(words, at, today) ?? oneAt(words, at, today);
