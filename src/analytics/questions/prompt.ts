import { tables } from '../datasets/derived.js';
import type { Turn } from './sessions.store.js';

/** Of no campaign, so that organizers have no part of it. */
const forAdmins = Object.keys(tables).filter((name) => !tables[name]?.ofOwner);
const namesOfThem = new RegExp(`\\b(?:${forAdmins.join('|')})\\b`, 'i');
export const isForAdmins = (sql: string): boolean => namesOfThem.test(sql);

const toldTo = (owner: string | null) =>
  Object.entries(tables)
    .filter(([name]) => owner === null || !forAdmins.includes(name))
    .map(([name, { says, columns }]) => {
      const shown = Object.entries(columns).filter(([, { hidden }]) => !hidden);
      return `${name}: ${says}\n${shown.map(([column, { type, says: tells }]) => `  ${column} ${type}: ${tells}`).join('\n')}`;
    });

const examples = [
  [
    'Quanto arrecadamos por campanha?',
    `SELECT c.title AS campaign, sum(d.amount_cents) AS amount_cents FROM donations d JOIN campaigns c ON c.id = d.campaign_id WHERE d.status = 'confirmed' GROUP BY ALL ORDER BY amount_cents DESC`,
  ],
  [
    'How many donors gave in October 2026?',
    `SELECT count(DISTINCT donor) AS donors FROM donations WHERE status = 'confirmed' AND confirmed_day BETWEEN DATE '2026-10-01' AND DATE '2026-10-31'`,
  ],
];

/** What a model is told before the question: names of tables and columns, never a row. */
export function promptFor(today: string, before: Turn | undefined, owner: string | null): string {
  return [
    'You turn questions about a fundraising business, in Portuguese or English, into one SELECT of DuckDB. Answer with JSON alone: {"sql": "…"}, or {"sql": null} where the tables cannot answer it.',
    `Today is ${today} in America/Sao_Paulo. Money is in integer cents. Money raised is donations with status 'confirmed', by confirmed_day. Put what it is told by first, the figure last, and give figures the names amount_cents, gifts, donors, messages, tokens or cost_nanos where they are that. Use no other table, and only functions that compute.`,
    `Tables:\n${toldTo(owner).join('\n')}`,
    `Examples:\n${examples.map(([question, sql]) => `${question}\n${JSON.stringify({ sql })}`).join('\n')}`,
    before ? `The question before, on which this one may lean: ${before.question}\n${JSON.stringify({ sql: before.sql })}` : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** The statement in a model's answer; nothing where it has none. */
export function sqlIn(body: Record<string, unknown>): string | undefined {
  const { choices } = body as { choices?: { message?: { content?: unknown } }[] };
  const content = choices?.[0]?.message?.content;
  if (typeof content !== 'string') return undefined;
  const object = /\{[^]*\}/.exec(content)?.[0];
  if (object === undefined) return undefined;
  try {
    const { sql } = JSON.parse(object) as { sql?: unknown };
    return typeof sql === 'string' && sql.trim() !== '' ? sql.trim() : undefined;
  } catch {
    return undefined;
  }
}
