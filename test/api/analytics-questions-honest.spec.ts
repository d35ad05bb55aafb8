import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plusDays, todayAt } from '../../src/analytics/reports/days.js';
import { CAMPAIGNS, openBusiness, type Business } from '../support/business.js';
import { BASE } from '../support/business.questions.js';
import { plainRows } from '../support/business.truth.js';
import { halves } from '../support/half-questions.js';
import { codesOf, type Session } from '../support/people.js';

const SOUP = 'Sopa de inverno';
let b: Business;
beforeAll(async () => {
  b = await openBusiness();
  await b.rows(CAMPAIGNS, [3_000, b.eva.user.id, ['mês passado', 'doações', 'agua para todos', SOUP, 'por pix ontem']]);
  await b.rows(`UPDATE campaigns SET status = 'draft' WHERE title IN ('mês passado', 'doações')`);
  await b.rows(
    `UPDATE donations SET campaign_id = (SELECT max(id::text)::uuid FROM campaigns WHERE title = $1)
      WHERE id IN (SELECT id FROM donations WHERE campaign_id = (SELECT min(id::text)::uuid FROM campaigns WHERE title = $1) ORDER BY id LIMIT 200)`,
    [SOUP],
  );
  // Nothing is found most often where something has neither a campaign nor a category.
  await b.rows(`UPDATE whatsapp_messages SET campaign_id = NULL WHERE id IN (SELECT id FROM whatsapp_messages ORDER BY id LIMIT 500)`);
  await b.rows(`UPDATE campaigns SET category = NULL WHERE category IN ('health', 'education') AND title <> 'Água para todos'`);
  await b.refresh();
});
afterAll(() => b.close());

const ask = (question: string, more: object = {}, as: Session = b.admin) => b.ask('POST', '/ask', { question, ...more }, as);
const valuesOf = (rows: unknown) => plainRows(rows as Record<string, unknown>[]).map((row) => Object.values(row));
const truthOf = async (sql: string) => valuesOf(await b.rows(`${BASE} ${sql}`));

const today = todayAt(Date.now());
const year = Number(today.slice(0, 4));
/** The last that has begun. */
const march = today.slice(5, 7) >= '03' ? year : year - 1;
const october = today.slice(5) >= '10-05' ? year : year - 1;
const lastMonth = plusDays(`${today.slice(0, 7)}-01`, -1).slice(0, 7);

describe('A question of which half would have another answer', () => {
  it('has not the answer of one before that was nearly the same', async () => {
    const pairs = [
      ['How many donations with pix last week?', 'How many donations with no pix last week?'],
      ['Quantas doações por pix, não por cartão?', 'Quantas doações por cartão, não por pix?'],
      ['Quais categorias arrecadaram mais?', 'Qual categoria arrecadou mais?'],
      ['Qual campanha arrecadou mais?', 'Quais campanhas arrecadaram mais?'],
      ['Which campaign raised the most?', 'Which campaigns raised the most?'],
      [`Quanto arrecadamos em ${year - 1}?`, `Quanto arrecadamos até ${year - 1}?`],
    ] as const;
    for (const pair of pairs) {
      const [first, second] = [await ask(pair[0]), await ask(pair[1])];
      expect([...pair, second.json.sql === first.json.sql]).toEqual([...pair, false]);
    }
  });

  it('is not understood', async () => {
    for (const question of halves) {
      const { status, json } = await ask(question);
      expect([question, status, json.code]).toEqual([question, 422, 'question_not_understood']);
      expect((json.errors as unknown[]).length).toBeGreaterThan(0);
    }
  });

  it('is answered whole where all of it is known', async () => {
    const sum = 'SELECT coalesce(sum(amount_cents), 0) FROM k WHERE';
    const count = 'SELECT count(*) FROM k WHERE';
    const byCampaign = 'SELECT title, count(*) FROM k WHERE';
    const known: (readonly [string, string])[] = [
      ['Quanto arrecadamos até ontem?', `${sum} paid < '${today}'`],
      ['Quanto arrecadamos até hoje?', `${sum} true`],
      [`Quanto arrecadamos até ${year - 1}?`, `${sum} paid < '${year}-01-01'`],
      [`Quanto arrecadamos até março de ${year}?`, `${sum} paid < '${year}-04-01'`],
      ['Quanto arrecadamos desde março?', `${sum} paid >= '${march}-03-01'`],
      ['How much did we raise until yesterday?', `${sum} paid < '${today}'`],
      [`Donations from ${plusDays(today, -40)} on`, `${count} paid >= '${plusDays(today, -40)}'`],
      [`Donations since ${plusDays(today, -40)}`, `${count} paid >= '${plusDays(today, -40)}'`],
      [`Doações a partir de ${plusDays(today, -40)}`, `${count} paid >= '${plusDays(today, -40)}'`],
      [
        `Donations from ${plusDays(today, -40)} to yesterday`,
        `${count} paid BETWEEN '${plusDays(today, -40)}' AND '${plusDays(today, -1)}'`,
      ],
      [
        `How many donations between March ${year - 1} and October ${year - 1}?`,
        `${count} paid BETWEEN '${year - 1}-03-01' AND '${year - 1}-10-31'`,
      ],
      ['How many donations with no pix?', `${count} method <> 'pix'`],
      ['Doações acima de R$ 100 e abaixo de R$ 200', `${count} amount_cents > 10000 AND amount_cents < 20000`],
      ['Donations above R$ 1,050.00', `${count} amount_cents > 105000`],
      [
        `Donations by campaign on October 5, ${october}`,
        `${byCampaign} paid = '${october}-10-05' GROUP BY campaign_id, 1 ORDER BY 2 DESC, 1`,
      ],
      ['Doações por campanha em 5 de outubro', `${byCampaign} paid = '${october}-10-05' GROUP BY campaign_id, 1 ORDER BY 2 DESC, 1`],
      [`Quantas doações tivemos no dia 5 de outubro de ${october}?`, `${count} paid = '${october}-10-05'`],
      ['Quantas doações pagas ontem?', `${count} paid = '${plusDays(today, -1)}'`],
      ['Quanto arrecadamos com doações acima de 100 reais?', `${sum} amount_cents > 10000`],
      ['Quantas doações sem pix e cartão?', `${count} false`],
      ['Quantas doações sem pix e com cartão?', `${count} method = 'card'`],
      ['Quantas doações por cartão, não por pix?', `${count} method = 'card'`],
      [
        'Quantas campanhas foram criadas no mês passado?',
        `SELECT count(*) FROM campaigns WHERE to_char(created_at AT TIME ZONE 'America/Sao_Paulo', 'YYYY-MM') = '${lastMonth}'`,
      ],
      [
        'Quantas doações por dia por campanha?',
        'SELECT paid::text, title, count(*) FROM k GROUP BY 1, campaign_id, 2 ORDER BY 3 DESC, 1, campaign_id',
      ],
      ['How many campaigns ended?', `SELECT count(*) FROM campaigns WHERE status = 'ended'`],
      [
        'Qual campanha arrecadou menos?',
        `SELECT p.title, coalesce(sum(k.amount_cents), 0) FROM campaigns p LEFT JOIN k ON k.campaign_id = p.id
          WHERE p.status <> 'draft' GROUP BY p.id ORDER BY 2, 1 LIMIT 1`,
      ],
      [
        'Which 20 campaigns had the fewest donations by pix?',
        `SELECT p.title, count(k.id) FROM campaigns p LEFT JOIN k ON k.campaign_id = p.id AND method = 'pix'
          WHERE p.status <> 'draft' GROUP BY p.id ORDER BY 2, 1 LIMIT 20`,
      ],
      [
        'Doações por status no mês passado',
        `SELECT status, count(*) FROM g WHERE to_char(made, 'YYYY-MM') = '${lastMonth}' GROUP BY 1 ORDER BY 2 DESC, 1`,
      ],
      ['Quanto arrecadamos exceto reembolsos?', `${sum} true`],
      ['Quantas doações não foram reembolsadas no mês passado?', `${count} to_char(paid, 'YYYY-MM') = '${lastMonth}'`],
      ['How much did we raise without failed donations?', `${sum} true`],
      [
        'Quantas mensagens não foram entregues nos últimos 30 dias?',
        `SELECT count(*) FROM m WHERE state NOT IN ('delivered', 'read') AND made >= '${plusDays(today, -29)}'`,
      ],
      ['Quantas mensagens não são da campanha "Água para todos"?', `SELECT count(*) FROM m WHERE title IS DISTINCT FROM 'Água para todos'`],
      [
        'Qual campanha teve mais mensagens?',
        'SELECT title, count(*) FROM m WHERE title IS NOT NULL GROUP BY campaign_id, 1 ORDER BY 2 DESC, 1 LIMIT 1',
      ],
      [
        'Qual categoria arrecadou mais?',
        `SELECT category, sum(amount_cents) FROM k JOIN campaigns p ON p.id = campaign_id WHERE category IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
      ],
    ];
    for (const [asked, truth] of known) {
      const { json } = await ask(asked);
      expect([asked, json.detail, valuesOf(json.rows ?? [])]).toEqual([asked, undefined, await truthOf(truth)]);
    }
    expect((await ask('Quanto arrecadamos até ontem?')).json.answer).toMatch(/^Valor arrecadado \(até [\d/]+\): R\$ /);
    expect((await ask('How much did we raise until yesterday?')).json.answer).toMatch(/^Amount raised \(until [\d-]+\): R\$ /);
  });
});

describe('The sentence of an answer', () => {
  it.each([
    ['How much money was refunded last year?', /^Amount \(paid from \d{4}-01-01 to \d{4}-12-31\): R\$ /],
    ['Doações por status no mês passado', /^Doações \(prometidas de [\d/]+ a [\d/]+\) em \d linhas; o maior valor é/],
    ['Quantas mensagens foram lidas nos últimos 30 dias?', /^Mensagens \(enviadas de /],
    ['Qual dia da semana arrecadou mais?', /^Valor arrecadado: ((segunda|terça|quarta|quinta|sexta)-feira|sábado|domingo), R\$ /],
    ['Arrecadação por mês nos últimos 6 meses', / em \d\d\/\d{4}\.$/],
    ['Amount raised by year', /, at \d{4}\.$/],
  ])('says of which days it tells, and calls nothing raised that was not: %s', async (asked, sentence) => {
    expect((await ask(asked)).json.answer).toMatch(sentence);
  });
});

describe('Campaigns', () => {
  it('of one title are told apart', async () => {
    for (const [asked, truth] of [
      ['Quanto arrecadamos por campanha?', 'SELECT title, sum(amount_cents) FROM k GROUP BY campaign_id, title ORDER BY 2 DESC, 1'],
      [
        'Quais campanhas arrecadaram mais?',
        'SELECT title, sum(amount_cents) FROM k GROUP BY campaign_id, title ORDER BY 2 DESC, 1 LIMIT 10',
      ],
      [
        `Quanto arrecadou "${SOUP}"?`,
        `SELECT title, sum(amount_cents) FROM k WHERE title = '${SOUP}' GROUP BY campaign_id, 1 ORDER BY 2 DESC`,
      ],
      ['Qual a meta de "Água para todos"?', `SELECT sum(goal_cents) FROM campaigns WHERE title = 'Água para todos'`],
      ['Qual a meta de "agua para todos"?', `SELECT sum(goal_cents) FROM campaigns WHERE title = 'agua para todos'`],
      [
        'Qual a meta de "ÁGUA PARA TODOS"?',
        `SELECT title, goal_cents FROM campaigns WHERE lower(title) IN ('água para todos', 'agua para todos') ORDER BY 2 DESC`,
      ],
    ] as const)
      expect([asked, valuesOf((await ask(asked)).json.rows)]).toEqual([asked, await truthOf(truth)]);
  });

  it('are nobody’s words by which others ask', async () => {
    for (const [asked, truth] of [
      ['Quanto arrecadamos no mês passado?', `SELECT sum(amount_cents) FROM k WHERE to_char(paid, 'YYYY-MM') = '${lastMonth}'`],
      [
        'Quantas doações recebemos por campanha este ano?',
        `SELECT title, count(*) FROM k WHERE paid >= '${year}-01-01' GROUP BY campaign_id, title ORDER BY 2 DESC, 1`,
      ],
      ['Quantas doações por pix ontem?', `SELECT count(*) FROM k WHERE method = 'pix' AND paid = '${plusDays(today, -1)}'`],
    ] as const)
      expect([asked, valuesOf((await ask(asked)).json.rows)]).toEqual([asked, await truthOf(truth)]);
    expect(codesOf(await ask('Quanto arrecadou agua para todoss?'))).toEqual([422, 'question_not_understood']);
    expect((await ask('Qual a meta de "mês passado"?')).json.sql).toContain(`title = 'mês passado'`);
  });
});

describe('A question that leans on the one before', () => {
  const rest = async (...questions: string[]) => {
    let [sessionId, told] = [undefined as unknown, {} as Record<string, unknown>];
    for (const question of questions) {
      told = (await ask(question, sessionId === undefined ? {} : { sessionId })).json;
      sessionId ??= told.sessionId;
    }
    return told;
  };
  const expectNone = async (all: string[][]) => {
    for (const questions of all) expect([questions, (await rest(...questions)).code]).toEqual([questions, 'question_not_understood']);
  };

  it('keeps what is told, until another figure is named', async () => {
    const first = 'Quanto arrecadamos no mês passado?';
    for (const more of ['e por pix?', 'E por campanha?', 'E a campanha "Água para todos"?'])
      expect([more, (await rest(first, more)).sql]).toEqual([more, expect.stringMatching(/sum\(t\.amount_cents\)[^]*BETWEEN/)]);
    expect((await rest(first, 'e quantas doações por pix?')).sql).toMatch(/count\(\*\) AS gifts[^]*t\.method = 'pix'[^]*BETWEEN/);
    expect((await rest(`Quanto arrecadou "${SOUP}"?`, 'e por mês?')).sql).toMatch(
      /AS month, c\.title AS campaign, [^]*GROUP BY 1, 2, c\.id/,
    );
    expect((await rest('Quantas doações este ano?', 'e a média?')).sql).toMatch(/avg\(t\.amount_cents\)/);
  });

  it('is not understood where it says nothing new, asks for another kind of figure, or takes back what was asked', async () => {
    await expectNone([
      ['Quanto arrecadamos no mês passado?', 'E no total?'],
      ['Quanto arrecadamos no mês passado?', 'E o total por campanha?'],
      ['Quanto arrecadamos no mês passado?', 'e?'],
      ['Quanto arrecadamos no mês passado?', 'E quantas?'],
      ['Quantas doações no mês passado?', 'E quanto ontem?'],
      ['How many donations last month?', 'And in total?'],
      ['Quantas doações este ano?', 'e a média por mês?'],
    ]);
    expect((await rest('Quantas doações no mês passado?', 'E quantas ontem?')).sql).toMatch(/count\(\*\) AS gifts/);
  });

  it('is not understood where it is about something else, of which nobody knows how much still holds', async () => {
    await expectNone([
      ['Quantas campanhas ativas temos?', 'e quanto arrecadaram?'],
      ['Quantas doações por pix?', 'e quantas mensagens?'],
      ['Quantas mensagens este ano?', 'e a média?'],
      ['Quanto arrecadamos este ano?', 'e quanto custou?'],
      ['Quantas doações acima de R$ 100?', 'e abaixo de R$ 200?'],
    ]);
  });
});
