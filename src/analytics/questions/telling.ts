import type { Column } from '../engine/messages.js';
import type { Row } from '../charts/chart.js';
import { BEGINNING } from './dates.js';
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

function shown(name: string, value: Row[string], language: Language): string {
  const number = (divided: number, digits: number) =>
    (Number(value) / divided).toLocaleString(locales[language], {
      minimumFractionDigits: digits,
      maximumFractionDigits: Math.max(digits, 1),
    });
  if (value === null) return '–';
  if (typeof value !== 'number') return typeof value === 'boolean' ? String(value) : dayIn(value, language);
  if (name.endsWith('_cents')) return `R$ ${number(100, 2)}`;
  if (name.endsWith('_nanos')) return `US$ ${number(1e9, 6)}`;
  return name.endsWith('_percent') ? `${number(1, 1)}%` : number(1, 0);
}

const dayIn = (text: string, language: Language) => (language === 'pt' ? text.replace(/^(\d{4})-(\d\d)-(\d\d)$/, '$3/$2/$1') : text);

function periodIn({ from, to }: Period, language: Language): string {
  if (from === to) return ` (${dayIn(from, language)})`;
  if (from === BEGINNING) return language === 'pt' ? ` (até ${dayIn(to, language)})` : ` (until ${to})`;
  return language === 'pt' ? ` (de ${dayIn(from, language)} a ${dayIn(to, language)})` : ` (from ${from} to ${to})`;
}

/** One sentence, of what was found and nothing else. */
export function told(columns: readonly Column[], rows: readonly Row[], language: Language, period: Period | null): string {
  const [first] = rows;
  const measure = columns.at(-1)?.name ?? '';
  const name = names[measure]?.[language] ?? measure;
  const when = period ? periodIn(period, language) : '';
  if (!first) return language === 'pt' ? `Não há nada que responda a isso${when}.` : `There is nothing that answers this${when}.`;
  const value = shown(measure, first[measure] ?? null, language);
  const capital = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  if (columns.length === 1) return `${capital}${when}: ${value}.`;
  const key = columns
    .slice(0, -1)
    .map((column) => shown(column.name, first[column.name] ?? null, language))
    .join(', ');
  if (rows.length === 1) return `${capital}${when}: ${key}, ${value}.`;
  const highest = rows.reduce((best, row) => (Number(row[measure] ?? 0) > Number(best[measure] ?? 0) ? row : best), first);
  const its = columns
    .slice(0, -1)
    .map((column) => shown(column.name, highest[column.name] ?? null, language))
    .join(', ');
  const most = shown(measure, highest[measure] ?? null, language);
  return language === 'pt'
    ? `${capital}${when} em ${rows.length} linhas; o maior valor é ${most}, em ${its}.`
    : `${capital}${when} in ${rows.length} rows; the highest is ${most}, at ${its}.`;
}
