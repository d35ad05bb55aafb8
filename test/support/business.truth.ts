import type { ReportName } from '../../src/analytics/reports/reports.js';

const LOCAL = (at: string) => `(${at} AT TIME ZONE 'America/Sao_Paulo')::date`;
const PAID = (as = '') => `${as}status = 'confirmed' AND ${LOCAL(`${as}confirmed_at`)} BETWEEN $1 AND $2`;

/** The reports as PostgreSQL's own tables have them; `$1` and `$2` are the days, `$3` is whose campaigns, or nothing for all. */
export const truths: Record<ReportName, string> = {
  'donations-by-day': `SELECT ${LOCAL('confirmed_at')}::text AS day, count(*) AS gifts, count(DISTINCT donor_key) AS donors, sum(amount_cents) AS amount_cents
    FROM donations WHERE ${PAID()} AND ($3::uuid IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE owner_id = $3)) GROUP BY 1 ORDER BY 1`,
  'donations-by-campaign': `SELECT c.id AS campaign_id, c.title, count(*) AS gifts, count(DISTINCT donor_key) AS donors, sum(amount_cents) AS amount_cents,
      round(avg(amount_cents)) AS average_cents
    FROM donations d JOIN campaigns c ON c.id = d.campaign_id WHERE ${PAID('d.')} AND ($3::uuid IS NULL OR owner_id = $3)
    GROUP BY c.id ORDER BY amount_cents DESC, c.id`,
  funnel: `WITH promised AS (SELECT * FROM donations WHERE ${LOCAL('created_at')} BETWEEN $1 AND $2
      AND ($3::uuid IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE owner_id = $3))),
    stages AS (SELECT 1 AS step, 'promised' AS stage, amount_cents FROM promised
      UNION ALL SELECT 2, 'paid', amount_cents FROM promised WHERE confirmed_at IS NOT NULL
      UNION ALL SELECT 3, 'kept', amount_cents FROM promised WHERE status = 'confirmed'
      UNION ALL SELECT 4, status, amount_cents FROM promised WHERE status = 'refunded'
      UNION ALL SELECT 5, status, amount_cents FROM promised WHERE status = 'pending'
      UNION ALL SELECT 6, status, amount_cents FROM promised WHERE status = 'failed'
      UNION ALL SELECT 7, status, amount_cents FROM promised WHERE status = 'expired')
    SELECT step, stage, count(*) AS gifts, sum(amount_cents) AS amount_cents FROM stages GROUP BY step, stage ORDER BY step`,
  retention: `WITH months AS (SELECT DISTINCT donor_key, date_trunc('month', confirmed_at AT TIME ZONE 'America/Sao_Paulo')::date AS month FROM donations
      WHERE status = 'confirmed' AND ${LOCAL('confirmed_at')} <= $2 AND ($3::uuid IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE owner_id = $3))),
    firsts AS (SELECT donor_key, min(month) AS cohort FROM months GROUP BY donor_key)
    SELECT cohort::text, (extract(year FROM age(month, cohort)) * 12 + extract(month FROM age(month, cohort)))::int AS months_after, count(*) AS donors
    FROM months JOIN firsts USING (donor_key) WHERE cohort BETWEEN date_trunc('month', $1::date) AND $2 GROUP BY cohort, 2 ORDER BY cohort, 2`,
  delivery: `SELECT ${LOCAL('created_at')}::text AS day, lane, count(*) AS messages, count(*) FILTER (WHERE state IN ('sent', 'delivered', 'read')) AS sent,
      count(*) FILTER (WHERE state IN ('delivered', 'read')) AS delivered, count(*) FILTER (WHERE state = 'read') AS read,
      count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'suppressed') AS suppressed,
      count(*) FILTER (WHERE state = 'unknown') AS unknown, count(*) FILTER (WHERE state IN ('later', 'held', 'queued', 'taken', 'sending')) AS waiting
    FROM whatsapp_messages WHERE ${LOCAL('created_at')} BETWEEN $1 AND $2
      AND ($3::uuid IS NULL OR campaign_id IN (SELECT id FROM campaigns WHERE owner_id = $3)) GROUP BY 1, 2 ORDER BY 1, 2`,
  'ai-spend': `SELECT day::text, model, count(*) AS calls, sum(spent) AS tokens, sum(cost_nanos) AS cost_nanos FROM ai_calls
    WHERE state <> 'open' AND day BETWEEN $1 AND $2 AND $3::uuid IS NULL GROUP BY day, model ORDER BY day, model`,
};

/** As JSON has numbers. */
export const plainRows = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value]),
    ),
  );
