import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { likenessForModel } from '../../src/analytics/questions/likeness.js';
import { MODEL, PRICE } from '../support/ai.people.js';
import { openBusiness, type Business } from '../support/business.js';
import { KEY, startOpenAI, type OpenAIStandIn } from '../support/openai.js';
import { codesOf, type Session } from '../support/people.js';

let provider: OpenAIStandIn;
let b: Business;
beforeAll(async () => {
  provider = await startOpenAI();
  b = await openBusiness({
    ...{ AI_BASE_URL: provider.url, AI_API_KEY: KEY, AI_MODEL: MODEL, AI_PRICES: JSON.stringify({ [MODEL]: PRICE }) },
  });
  await b.refresh();
});
afterEach(() => provider.behave('well'));
afterAll(async () => {
  await b.close();
  await provider.stop();
});

const ask = (question: string, as: Session = b.admin, more: object = {}) => b.ask('POST', '/ask', { question, ...more }, as);
const says = (content: string, times = 1) =>
  provider.behave(
    {
      says: {
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: MODEL,
        choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 900, completion_tokens: 40, total_tokens: 940 },
      },
    },
    { times },
  );
const used = async (as: Session) => Number((await b.send('GET', '/ai/usage', undefined, as.accessToken)).json.used);
const last = () => JSON.stringify(provider.ledger.at(-1)?.body);

describe('A question that a model understands', () => {
  it('is answered by its statement, with the bounds of every other', async () => {
    says(
      '```json\n{"sql": "SELECT c.title AS campaign, sum(d.amount_cents) AS amount_cents FROM donations d JOIN campaigns c ON c.id = d.campaign_id WHERE d.status = \'confirmed\' GROUP BY ALL ORDER BY ALL"}\n```',
    );
    const before = await used(b.eva);
    const { status, json } = await ask('Me conta como cada campanha andou', b.eva);
    expect([status, json.understoodBy, json.cached]).toEqual([200, 'model', false]);
    expect((json.rows as { campaign: string }[]).map(({ campaign }) => campaign)).toEqual(['Livros na praça', 'Sopa de inverno']);
    expect((await used(b.eva)) - before).toBe(940);
  });

  it('is told in a sentence that says no more than its rows do', async () => {
    says('{"sql": "SELECT title FROM campaigns ORDER BY title"}');
    expect((await ask('Que campanhas existem por aqui?')).json.answer).toBe('Title em 6 linhas.');
    says('{"sql": "SELECT count(*) AS gifts, status FROM donations GROUP BY status ORDER BY status"}');
    expect((await ask('Que estados existem por aqui?')).json.answer).toBe('Status em 5 linhas.');
    says('{"sql": "SELECT range AS n, range * 2 AS gifts FROM range(20000)"}');
    expect((await ask('Conta tudo dobrado')).json.answer).toMatch(/^Doações nas primeiras 10\.000 linhas; /);
    says(`{"sql": "SELECT sum(amount_cents) AS amount_cents FROM donations WHERE status = 'failed'"}`);
    expect((await ask('Quanto dinheiro ficou pelo caminho?')).json.answer).toMatch(/^Valor: R\$ /);
  });

  it('is told no row, no name and nothing hidden', async () => {
    says('{"sql": "SELECT 1 AS one"}');
    await ask('Me conta outra coisa');
    expect(last()).toContain('amount_cents BIGINT');
    expect(last()).not.toMatch(/owner_id|donor_key|Um telhado novo|example\.org/);
  });

  it('is told of the one before within a session', async () => {
    says('{"sql": "SELECT count(*) AS gifts FROM donations"}', 2);
    const { json } = await ask('Quantas ao todo, contando tudo?');
    await ask('E só pix?', b.admin, { sessionId: json.sessionId });
    expect(last()).toContain('Quantas ao todo, contando tudo?');
  });

  it('is not paid for again where it is known', async () => {
    says('{"sql": "SELECT count(*) AS gifts FROM donations"}');
    await ask('Total geral de doações, por favor');
    const calls = provider.ledger.length;
    const { json } = await ask('total GERAL de contribuições');
    expect([json.cached, json.understoodBy, provider.ledger.length]).toEqual([true, 'model', calls]);
  });

  it('is asked of the model again where any word or sign differs, or the day', async () => {
    for (const [one, other] of [
      ['Quantas doações > R$ 100?', 'Quantas doações < R$ 100?'],
      ['Donations from pix to card', 'Donations to pix from card'],
      ['Doações 中国?', 'Doações 日本?'],
      ['Doações か?', 'Doações が?'],
      ['Qual doação é de pix?', 'Quais doações é de pix?'],
      ['Doações em 2025', 'Doações até 2025'],
      ['Doações com pix', 'Doações no pix'],
      ['Doações e pix', 'Doações é pix'],
      ['Quanto "Sopa" arrecadou?', 'Quanto "sopa" arrecadou?'],
    ] as const) {
      says('{"sql": "SELECT count(*) AS gifts FROM donations"}', 2);
      const [first, second] = [await ask(one), await ask(other)];
      expect([one, other, first.json.cached, second.json.cached]).toEqual([one, other, false, false]);
    }
    const keyOn = (day: string) => likenessForModel('Quanto arrecadamos no trimestre passado?', day, { owner: null, version: 'v' }).key;
    expect(keyOn('2026-11-30').equals(keyOn('2026-11-30'))).toBe(true);
    expect(keyOn('2026-11-30').equals(keyOn('2027-01-02'))).toBe(false);
  });

  it('tells organizers nothing of what the AI costs, which is of no campaign', async () => {
    says('{"sql": "SELECT sum(cost_nanos) AS cost_nanos FROM ai_usage"}', 2);
    expect(codesOf(await ask('O que se paga pela IA?', b.eva))).toEqual([403, 'forbidden']);
    expect(last()).not.toMatch(/ai_usage|ai_days|cost_nanos BIGINT/);
    expect((await ask('O que se paga pela IA?')).status).toBe(200);
    expect(last()).toContain('ai_usage: ');
  });

  it('gets one more try where its statement is refused, and no third', async () => {
    says('{"sql": "SELECT * FROM read_text(\'/etc/passwd\')"}');
    says('{"sql": "SELECT 7 AS gifts"}');
    const { json } = await ask('Conta sete para mim');
    expect(json.rows).toEqual([{ gifts: 7 }]);
    expect(last()).toContain('The function read_text is not allowed.');
    says('{"sql": "DROP VIEW donations"}', 2);
    const calls = provider.ledger.length;
    expect(codesOf(await ask('Apaga tudo agora mesmo'))).toEqual([422, 'question_not_understood']);
    expect(provider.ledger.length - calls).toBe(2);
  });

  it('is not understood where the model says so, or says nothing that holds', async () => {
    for (const content of ['{"sql": null}', 'I cannot.', '{"sql": 7}', '{broken']) {
      says(content);
      expect([content, ...codesOf(await ask(`Qual é a capital ${content.length}?`))]).toEqual([content, 422, 'question_not_understood']);
    }
  });

  it('is left to the rules where no model answers', async () => {
    provider.behave({ status: 503 });
    const { status, json } = await ask('Quantas doações recebemos ontem?', b.ana);
    expect([status, json.understoodBy]).toEqual([200, 'rules']);
  });

  it('is refused where the budget of the day is used up', async () => {
    await b.send('PUT', `/ai/budgets/${b.ana.user.id}`, { dailyTokens: 100 }, b.admin.accessToken);
    const refused = await ask('Quantas doações houve hoje?', b.ana);
    expect(codesOf(refused)).toEqual([429, 'token_budget_exhausted']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
