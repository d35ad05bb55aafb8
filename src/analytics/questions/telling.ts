import type { Column } from '../engine/messages.js';
import { isNumber, type Row } from '../charts/chart.js';
import { dayOf } from './compose.js';
import { BEGINNING } from './dates.js';
import type { Meaning } from './meaning.js';
import type { Language } from './model.js';
import type { Period } from '../reports/reports.js';

const names: Record<string, Record<Language, string>> = {
  amount_cents: { pt: 'valor arrecadado', en: 'amount raised' },
  gifts: { pt: 'doações', en: 'donations' },
  donors: { pt: 'doadores', en: 'donors' },
  average_cents: { pt: 'doação média', en: 'average donation' },
  largest_cents: { pt: 'maior doação', en: 'largest donation' },
  smallest_cents: { pt: 'menor doação', en: 'smallest donation' },
  paid_percent: { pt: 'doações pagas', en: 'donations that were paid' },
  campaigns: { pt: 'campanhas', en: 'campaigns' },
  goal_cents: { pt: 'metas', en: 'goals' },
  remaining_cents: { pt: 'o que falta para as metas', en: 'what is left to the goals' },
  messages: { pt: 'mensagens', en: 'messages' },
  read_percent: { pt: 'mensagens lidas', en: 'messages that were read' },
  delivered_percent: { pt: 'mensagens entregues', en: 'messages that were delivered' },
  cost_nanos: { pt: 'custo da IA', en: 'cost of the AI' },
  tokens: { pt: 'tokens', en: 'tokens' },
  calls: { pt: 'chamadas da IA', en: 'calls of the AI' },
};

const locales: Record<Language, string> = { pt: 'pt-BR', en: 'en-US' };
/** By which day what has not simply happened is counted, where that is not what the question says. */
const days: Partial<Record<string, Record<Language, string>>> = {
  'gifts confirmed_day': { pt: 'pagas', en: 'paid' },
  'gifts created_day': { pt: 'prometidas', en: 'promised' },
  'messages sent_day': { pt: 'enviadas', en: 'sent' },
  'messages created_day': { pt: 'escritas', en: 'written' },
};
/** The first of January 2024 was a Monday, as 1 is. */
const weekdayIn = (day: number, language: Language) =>
  new Date(Date.UTC(2024, 0, day)).toLocaleDateString(locales[language], { weekday: 'long', timeZone: 'UTC' });

function shown(name: string, value: Row[string], language: Language): string {
  const number = (divided: number, digits: number) =>
    (Number(value) / divided).toLocaleString(locales[language], {
      minimumFractionDigits: digits,
      maximumFractionDigits: Math.max(digits, 1),
    });
  if (value === null) return '–';
  if (typeof value !== 'number') return typeof value === 'boolean' ? String(value) : dayIn(value, language, name);
  if (name === 'weekday' && value >= 1 && value <= 7) return weekdayIn(value, language);
  if (name.endsWith('_cents')) return `R$ ${number(100, 2)}`;
  if (name.endsWith('_nanos')) return `US$ ${number(1e9, 6)}`;
  return name.endsWith('_percent') ? `${number(1, 1)}%` : number(1, 0);
}

/** A month is told by its first day in the rows. */
function dayIn(text: string, language: Language, unit = 'day'): string {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined) return text;
  if (unit === 'year') return year;
  if (unit === 'month') return language === 'pt' ? `${month}/${year}` : `${year}-${month}`;
  return language === 'pt' ? `${day}/${month}/${year}` : text;
}

function periodIn({ from, to }: Period, language: Language): string {
  if (from === to) return dayIn(from, language);
  if (from === BEGINNING) return language === 'pt' ? `até ${dayIn(to, language)}` : `until ${to}`;
  return language === 'pt' ? `de ${dayIn(from, language)} a ${dayIn(to, language)}` : `from ${from} to ${to}`;
}

const isOfStates = ({ filters, by }: Meaning) => by.includes('status') || filters.some(({ what }) => what === 'status');

function whenIn(meaning: Meaning | null, language: Language): string {
  if (!meaning?.period) return '';
  const day = isOfStates(meaning) ? days[`${meaning.subject} ${dayOf(meaning)}`]?.[language] : undefined;
  return ` (${day === undefined ? '' : `${day} `}${periodIn(meaning.period, language)})`;
}

/** Only what is confirmed was raised; of what a model asked for nobody knows. */
function nameOf(measure: string, meaning: Meaning | null, language: Language): string {
  if (measure !== 'amount_cents' || (meaning && !isOfStates(meaning))) return names[measure]?.[language] ?? measure;
  return language === 'pt' ? 'valor' : 'amount';
}

interface Answered {
  columns: readonly Column[];
  rows: readonly Row[];
  truncated: boolean;
}

/** One sentence, of what was found and nothing else. */
export function told({ columns, rows, truncated }: Answered, language: Language, meaning: Meaning | null): string {
  const [first] = rows;
  const measure = columns.at(-1)?.name ?? '';
  const name = nameOf(measure, meaning, language);
  const when = whenIn(meaning, language);
  if (!first) return language === 'pt' ? `Não há nada que responda a isso${when}.` : `There is nothing that answers this${when}.`;
  const capital = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const keyOf = (row: Row) =>
    columns
      .slice(0, -1)
      .map((column) => shown(column.name, row[column.name] ?? null, language))
      .join(', ');
  const valueOf = (row: Row) => shown(measure, row[measure] ?? null, language);
  if (rows.length === 1) return `${capital}${when}: ${[...(columns.length > 1 ? [keyOf(first)] : []), valueOf(first)].join(', ')}.`;
  const many = rows.length.toLocaleString(locales[language]);
  const [all, cut] =
    language === 'pt' ? [`em ${many} linhas`, `nas primeiras ${many} linhas`] : [`in ${many} rows`, `in the first ${many} rows`];
  const found = `${capital}${when} ${truncated ? cut : all}`;
  // Of words none is the highest, and a figure that stands alone is that of nothing.
  const figures = rows.filter((row) => row[measure] !== null && Number.isFinite(Number(row[measure])));
  if (columns.length === 1 || figures.length === 0 || !columns.slice(-1).every(isNumber)) return `${found}.`;
  const highest = figures.reduce((best, row) => (Number(row[measure]) > Number(best[measure]) ? row : best));
  return language === 'pt'
    ? `${found}; o maior valor é ${valueOf(highest)}, em ${keyOf(highest)}.`
    : `${found}; the highest is ${valueOf(highest)}, at ${keyOf(highest)}.`;
}
