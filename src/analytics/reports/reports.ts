/** Whole days in America/Sao_Paulo, both included. */
export interface Period {
  from: string;
  to: string;
}

export interface Report {
  says: string;
  sql: (period: Period) => string;
  /** For admins alone, as it belongs to no campaign. */
  adminsOnly?: true;
}

const between = (column: string, { from, to }: Period) => `${column} BETWEEN DATE '${from}' AND DATE '${to}'`;
const isPaid = `status = 'confirmed'`;

const stages: readonly [string, string][] = [
  ['promised', 'true'],
  ['paid', 'is_paid'],
  ['kept', isPaid],
  ['refunded', `status = 'refunded'`],
  ['pending', `status = 'pending'`],
  ['failed', `status = 'failed'`],
  ['expired', `status = 'expired'`],
];

/** Each kind of gift is counted once; the stages are sums of these few. */
const funnel = (period: Period) => {
  const told = stages.map(
    ([stage, test], step) =>
      `SELECT ${step + 1} AS step, '${stage}' AS stage, coalesce(sum(gifts) FILTER (WHERE ${test}), 0)::BIGINT AS gifts, coalesce(sum(cents) FILTER (WHERE ${test}), 0)::BIGINT AS amount_cents FROM counted`,
  );
  return `WITH counted AS (SELECT status, confirmed_day IS NOT NULL AS is_paid, count(*) AS gifts, sum(amount_cents) AS cents
    FROM donations WHERE ${between('created_day', period)} GROUP BY status, is_paid) ${told.join(' UNION ALL ')} ORDER BY step`;
};

const countOf = (name: string, ...states: string[]) =>
  `coalesce(sum(messages) FILTER (WHERE status IN (${states.map((state) => `'${state}'`).join(', ')})), 0)::BIGINT AS ${name}`;

/** Questions that are asked again and again. */
export const reports = {
  'donations-by-day': {
    says: 'confirmed gifts, givers and money by the day of payment; days without any are left out',
    sql: (period) => `SELECT day, gifts, donors, amount_cents FROM donation_days WHERE ${between('day', period)} ORDER BY day`,
  },
  'donations-by-campaign': {
    says: 'confirmed gifts, givers and money by campaign, by the day of payment; the largest first',
    sql: (
      period,
    ) => `WITH counted AS (SELECT campaign_id, count(*) AS gifts, count(*) FILTER (WHERE gave_before IS NULL OR gave_before < DATE '${period.from}') AS donors,
        sum(amount_cents)::BIGINT AS amount_cents, round(avg(amount_cents))::BIGINT AS average_cents
        FROM confirmed_gifts WHERE ${between('confirmed_day', period)} GROUP BY campaign_id)
      SELECT campaign_id, title, gifts, donors, amount_cents, average_cents FROM counted JOIN campaigns ON id = campaign_id ORDER BY amount_cents DESC, campaign_id`,
  },
  funnel: {
    says: 'how far the gifts have come that were promised in these days',
    sql: funnel,
  },
  retention: {
    says: 'of those who first gave in a month, how many gave again so many months after',
    sql: (period) => `WITH months AS (SELECT donor, date_trunc('month', confirmed_day)::DATE AS month FROM donations
        WHERE ${isPaid} AND confirmed_day <= DATE '${period.to}' GROUP BY donor, month),
      firsts AS (SELECT donor, min(month) AS cohort FROM months GROUP BY donor)
      SELECT cohort, ((extract(year FROM month) - extract(year FROM cohort)) * 12 + extract(month FROM month) - extract(month FROM cohort))::INTEGER AS months_after, count(*) AS donors FROM months JOIN firsts USING (donor)
      WHERE cohort BETWEEN date_trunc('month', DATE '${period.from}') AND DATE '${period.to}' GROUP BY cohort, months_after ORDER BY cohort, months_after`,
  },
  delivery: {
    says: 'WhatsApp messages by the day they were written, and how far they came; what was read was delivered, and what was delivered was sent',
    sql: (
      period,
    ) => `SELECT day, lane, sum(messages)::BIGINT AS messages, ${countOf('sent', 'sent', 'delivered', 'read')}, ${countOf('delivered', 'delivered', 'read')},
        ${countOf('read', 'read')}, ${countOf('failed', 'failed')}, ${countOf('suppressed', 'suppressed')}, ${countOf('unknown', 'unknown')},
        ${countOf('waiting', 'queued', 'sending')}
      FROM message_days WHERE ${between('day', period)} GROUP BY day, lane ORDER BY day, lane`,
  },
  'ai-spend': {
    says: 'calls, tokens and money of the AI by day and model',
    adminsOnly: true,
    sql: (period) => `SELECT day, model, calls, tokens, cost_nanos FROM ai_days WHERE ${between('day', period)} ORDER BY day, model`,
  },
} satisfies Record<string, Report> as Record<ReportName, Report>;

export const reportNames = ['donations-by-day', 'donations-by-campaign', 'funnel', 'retention', 'delivery', 'ai-spend'] as const;
export type ReportName = (typeof reportNames)[number];
