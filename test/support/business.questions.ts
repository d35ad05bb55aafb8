import { plusDays, todayAt } from '../../src/analytics/reports/days.js';

/** A question, and what PostgreSQL's own tables have to say to it. */
export interface Known {
  asked: string;
  truth: string;
}

const LOCAL = (at: string) => `(${at} AT TIME ZONE 'America/Sao_Paulo')::date`;
export const BASE = `WITH g AS (SELECT d.*, ${LOCAL('d.confirmed_at')} AS paid, ${LOCAL('d.created_at')} AS made, c.title FROM donations d JOIN campaigns c ON c.id = d.campaign_id),
  k AS (SELECT * FROM g WHERE status = 'confirmed'),
  m AS (SELECT w.*, ${LOCAL('w.created_at')} AS made, ${LOCAL('w.sent_at')} AS sent, c.title FROM whatsapp_messages w LEFT JOIN campaigns c ON c.id = w.campaign_id),
  a AS (SELECT * FROM ai_calls WHERE state <> 'open')`;

const between = (column: string, from: string, to: string) => `${column} BETWEEN '${from}' AND '${to}'`;
const firstOf = (day: string) => `${day.slice(0, 7)}-01`;

function monthsBack(day: string, months: number): string {
  const [year = 0, month = 0] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 - months, 1)).toISOString().slice(0, 10);
}

/** Written before anything understood one of them. */
export function fifty(now = Date.now()): Known[] {
  const today = todayAt(now);
  const year = today.slice(0, 4);
  const last = (column: string, days: number) => between(column, plusDays(today, 1 - days), today);
  const months = (column: string, count: number) => between(column, monthsBack(today, count - 1), today);
  const thisMonth = (column: string) => between(column, firstOf(today), today);
  const thisYear = (column: string) => between(column, `${year}-01-01`, today);
  const lastYear = (column: string) => between(column, `${Number(year) - 1}-01-01`, `${Number(year) - 1}-12-31`);
  const lastMonth = (column: string) => between(column, monthsBack(today, 1), plusDays(firstOf(today), -1));
  const yesterday = plusDays(today, -1);
  const q = (asked: string, truth: string): Known => ({ asked, truth });
  const ARRIVED = `state IN ('delivered', 'read')`;
  const LEFT = `state IN ('sent', 'delivered', 'read')`;
  return [
    q('Quanto arrecadamos no total?', 'SELECT sum(amount_cents) FROM k'),
    q('Quanto arrecadamos no mês passado?', `SELECT sum(amount_cents) FROM k WHERE ${lastMonth('paid')}`),
    q('Quantas doações recebemos este mês?', `SELECT count(*) FROM k WHERE ${thisMonth('paid')}`),
    q('Quantas doações tivemos ontem?', `SELECT count(*) FROM k WHERE paid = '${yesterday}'`),
    q('Quantos doadores temos?', 'SELECT count(DISTINCT donor_key) FROM k'),
    q('Qual é o valor médio das doações este ano?', `SELECT round(avg(amount_cents)) FROM k WHERE ${thisYear('paid')}`),
    q('Qual foi a maior doação dos últimos 90 dias?', `SELECT max(amount_cents) FROM k WHERE ${last('paid', 90)}`),
    q('Quanto foi arrecadado por campanha?', 'SELECT title, sum(amount_cents) FROM k GROUP BY title ORDER BY 2 DESC'),
    q(
      'Quais são as 3 campanhas que mais arrecadaram nos últimos 6 meses?',
      `SELECT title, sum(amount_cents) FROM k WHERE ${months('paid', 6)} GROUP BY title ORDER BY 2 DESC LIMIT 3`,
    ),
    q(
      'Arrecadação por mês nos últimos 6 meses',
      `SELECT date_trunc('month', paid)::date::text, sum(amount_cents) FROM k WHERE ${months('paid', 6)} GROUP BY 1 ORDER BY 1`,
    ),
    q(
      'Doações por forma de pagamento no ano passado',
      `SELECT method, count(*) FROM k WHERE ${lastYear('paid')} GROUP BY 1 ORDER BY 2 DESC`,
    ),
    q('Quantas doações por pix nos últimos 30 dias?', `SELECT count(*) FROM k WHERE method = 'pix' AND ${last('paid', 30)}`),
    q('Quanto recebemos por cartão no mês passado?', `SELECT sum(amount_cents) FROM k WHERE method = 'card' AND ${lastMonth('paid')}`),
    q('Quantas doações foram reembolsadas?', `SELECT count(*) FROM g WHERE status = 'refunded'`),
    q('Quantas doações estão pendentes?', `SELECT count(*) FROM g WHERE status = 'pending'`),
    q('Quantas doações expiraram no mês passado?', `SELECT count(*) FROM g WHERE status = 'expired' AND ${lastMonth('made')}`),
    q('Quantas campanhas ativas temos?', `SELECT count(*) FROM campaigns WHERE status = 'active'`),
    q('Quantas mensagens foram entregues nos últimos 30 dias?', `SELECT count(*) FROM m WHERE ${ARRIVED} AND ${last('sent', 30)}`),
    q('Mensagens por status', `SELECT CASE state WHEN 'held' THEN 'queued' ELSE state END, count(*) FROM m GROUP BY 1 ORDER BY 2 DESC, 1`),
    q(
      'Qual a taxa de leitura das mensagens nos últimos 60 dias?',
      `SELECT round(100.0 * count(*) FILTER (WHERE state = 'read') / count(*), 1)::float8 FROM m WHERE ${LEFT} AND ${last('sent', 60)}`,
    ),
    q('Quanto gastamos com IA este mês?', `SELECT sum(cost_nanos) FROM a WHERE ${thisMonth('day')}`),
    q('Tokens de IA por modelo nos últimos 30 dias', `SELECT model, sum(spent) FROM a WHERE ${last('day', 30)} GROUP BY 1 ORDER BY 2 DESC`),
    q(
      'Quanto a campanha "Um telhado novo" arrecadou?',
      // There are two of that title.
      `SELECT title, sum(amount_cents) FROM k WHERE title = 'Um telhado novo' GROUP BY campaign_id, title ORDER BY 2 DESC`,
    ),
    q('Quantas doações anônimas recebemos nos últimos 12 meses?', `SELECT count(*) FROM k WHERE anonymous AND ${months('paid', 12)}`),
    q(
      'Qual a taxa de conversão das doações por campanha?',
      'SELECT title, round(100.0 * count(confirmed_at) / count(*), 1)::float8 FROM g GROUP BY title ORDER BY 2 DESC, 1',
    ),

    q('How much did we raise in total?', 'SELECT sum(amount_cents) FROM k'),
    q('How much did we raise last month?', `SELECT sum(amount_cents) FROM k WHERE ${lastMonth('paid')}`),
    q('How many donations did we get this year?', `SELECT count(*) FROM k WHERE ${thisYear('paid')}`),
    q('How many donors gave in the last 90 days?', `SELECT count(DISTINCT donor_key) FROM k WHERE ${last('paid', 90)}`),
    q('What is the average donation?', 'SELECT round(avg(amount_cents)) FROM k'),
    q('Top 5 campaigns by amount raised', 'SELECT title, sum(amount_cents) FROM k GROUP BY title ORDER BY 2 DESC LIMIT 5'),
    q(
      'Amount raised per week in the last 8 weeks',
      `SELECT date_trunc('week', paid)::date::text, sum(amount_cents) FROM k WHERE ${last('paid', 56)} GROUP BY 1 ORDER BY 1`,
    ),
    q(
      'Which campaign has the fewest donors?',
      `SELECT p.title, count(DISTINCT donor_key) FROM campaigns p LEFT JOIN k ON k.campaign_id = p.id WHERE p.status <> 'draft' GROUP BY p.id ORDER BY 2, 1 LIMIT 1`,
    ),
    q('Donations by day in the last 7 days', `SELECT paid::text, count(*) FROM k WHERE ${last('paid', 7)} GROUP BY 1 ORDER BY 1`),
    q('How many donations were refunded last year?', `SELECT count(*) FROM g WHERE status = 'refunded' AND ${lastYear('paid')}`),
    q('How much money was refunded?', `SELECT sum(amount_cents) FROM g WHERE status = 'refunded'`),
    q('How many donations failed in the last 30 days?', `SELECT count(*) FROM g WHERE status = 'failed' AND ${last('made', 30)}`),
    q('How many donations were not paid by pix last month?', `SELECT count(*) FROM k WHERE method <> 'pix' AND ${lastMonth('paid')}`),
    q(
      'How much did "Água para todos" raise this year?',
      `SELECT sum(amount_cents) FROM k WHERE title = 'Água para todos' AND ${thisYear('paid')}`,
    ),
    q('What was the smallest donation last month?', `SELECT min(amount_cents) FROM k WHERE ${lastMonth('paid')}`),
    q('Number of active campaigns', `SELECT count(*) FROM campaigns WHERE status = 'active'`),
    q('Campaigns by category', `SELECT category, count(*) FROM campaigns GROUP BY 1 ORDER BY 2 DESC, 1`),
    q('How many WhatsApp messages were sent last month?', `SELECT count(*) FROM m WHERE ${LEFT} AND ${lastMonth('sent')}`),
    q('How many messages failed by campaign?', `SELECT title, count(*) FROM m WHERE state = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1`),
    q(
      'Read messages by day in the last 14 days',
      `SELECT sent::text, count(*) FROM m WHERE state = 'read' AND ${last('sent', 14)} GROUP BY 1 ORDER BY 1`,
    ),
    q(
      'How much did AI cost by model last month?',
      `SELECT model, sum(cost_nanos) FROM a WHERE ${lastMonth('day')} GROUP BY 1 ORDER BY 2 DESC`,
    ),
    q('How many AI calls yesterday?', `SELECT count(*) FROM a WHERE day = '${yesterday}'`),
    q('Donations above R$ 300 in the last 30 days', `SELECT count(*) FROM k WHERE amount_cents > 30000 AND ${last('paid', 30)}`),
    q('How many donors per campaign?', 'SELECT title, count(DISTINCT donor_key) FROM k GROUP BY 1 ORDER BY 2 DESC, 1'),
    q(
      'Which month had the most donations in the last 12 months?',
      `SELECT date_trunc('month', paid)::date::text, count(*) FROM k WHERE ${months('paid', 12)} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1`,
    ),
  ];
}
