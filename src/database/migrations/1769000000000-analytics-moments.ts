import type { MigrationInterface, QueryRunner } from 'typeorm';

const DAY = (at: string) => `(${at} AT TIME ZONE 'America/Sao_Paulo')::date`;
const MONTH = (at: string) => `date_trunc('month', ${at} AT TIME ZONE 'America/Sao_Paulo')::date`;

const views = (ofGift: string, ofMessage: string) => `
  CREATE OR REPLACE VIEW published_donations AS
    SELECT ${MONTH('d.created_at')} AS part, d.campaign_id, n.number AS donor, d.amount_cents, d.method, d.status, d.anonymous,
      ${DAY('d.created_at')} AS created_day, ${DAY('d.confirmed_at')} AS confirmed_day${ofGift}
    FROM donations d LEFT JOIN analytics_donors n USING (donor_key);
  CREATE OR REPLACE VIEW published_messages AS
    SELECT ${MONTH('created_at')} AS part, campaign_id, lane, template ->> 'name' AS template,
      CASE WHEN state IN ('later', 'held', 'taken') THEN 'queued' ELSE state END AS status, code AS error_code,
      ${DAY('created_at')} AS created_day, ${DAY('sent_at')} AS sent_day${ofMessage}
    FROM whatsapp_messages;`;

/** The moments beside their days: a session of São Paulo's time makes days of them in half the time. */
export class AnalyticsMoments1769000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(views(', d.created_at, d.confirmed_at', ', created_at, sent_at'));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP VIEW published_donations, published_messages; ${views('', '')}`);
  }
}
