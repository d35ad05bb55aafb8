import { Inject, Injectable } from '@nestjs/common';
import { Gateway } from '../../ai/gateway.service.js';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import type { Caller } from '../../http/caller.js';
import { newId } from '../../kernel/ids.js';
import { Refusal } from '../../kernel/problems.js';
import type { AskBody } from '../analytics.dto.js';
import { Datasets } from '../datasets/datasets.service.js';
import { Engines } from '../engine/engines.service.js';
import { Answers, currencyOf, ownerOf } from '../reports/answers.service.js';
import { todayAt } from '../reports/days.js';
import { sqlOf } from './compose.js';
import { likenessForModel, likenessOf } from './likeness.js';
import type { Meaning, Said } from './meaning.js';
import { meant } from './meant.js';
import { suggestions } from './model.js';
import { isForAdmins, promptFor, sqlIn } from './prompt.js';
import { SessionsStore, type Turn } from './sessions.store.js';
import { told } from './telling.js';
import { Titles } from './titles.js';
import { said } from './understand.js';

const MOST_TOKENS = 700;
const SUGGESTED = 3;

/** A statement, and whence it came. */
interface Understood {
  sql: string;
  meaning: Meaning | null;
  understoodBy: 'rules' | 'model';
  cached: boolean;
}

interface Asked {
  caller: Caller;
  question: string;
  saying: Said;
  today: string;
  before: Turn | undefined;
  over: AbortController;
}

/** From a question in somebody's own words to a statement, its rows and a sentence. */
@Injectable()
export class Questions {
  private readonly hasModel: boolean;

  constructor(
    private readonly sessions: SessionsStore,
    private readonly datasets: Datasets,
    private readonly engines: Engines,
    private readonly answers: Answers,
    private readonly titles: Titles,
    private readonly gateway: Gateway,
    @Inject(CONFIG) config: Config,
  ) {
    this.hasModel = config.AI_BASE_URL !== undefined;
  }

  async ask(caller: Caller, { question, sessionId, dryRun = false }: AskBody, over: AbortController) {
    const began = performance.now();
    const { owner, saying, ...understood } = await this.understand(caller, question, sessionId, over);
    const id = sessionId ?? newId();
    const { sql, cached, understoodBy, meaning, likeness } = understood;
    const table = dryRun ? await this.dry(sql, owner) : await this.answers.table(sql, owner, question, over.signal);
    await this.sessions.add(caller.id, { id: newId(), sessionId: id, question, sql, meaning, likeness });
    const answer = dryRun ? null : told(table, saying.language, meaning);
    const elapsedMs = Number((performance.now() - began).toFixed(1));
    return { question, sql, ...table, answer, cached, elapsedMs, sessionId: id, understoodBy };
  }

  /** What it becomes, before anything is run. */
  async understand(caller: Caller, question: string, sessionId: string | undefined, over: AbortController) {
    const owner = ownerOf(caller);
    const today = todayAt(Date.now());
    const before = sessionId === undefined ? undefined : await this.lastOf(caller, sessionId);
    const { version } = await this.datasets.current();
    const named = await this.titles.quotedIn(question, owner, version);
    const saying = await this.titles.named(said(named, today), owner);
    const scope = { owner, version };
    const leans = saying.leansOnTheLast && before !== undefined;
    // A model hears what was asked before, whatever it makes of that.
    const own = () => (this.hasModel ? likenessForModel(named, today, scope) : likenessOf(saying, scope));
    const likeness = leans || (this.hasModel && before) ? null : own();
    const known = likeness ? await this.sessions.alike(likeness) : undefined;
    if (known)
      return { owner, saying, likeness, ...known, understoodBy: known.meaning ? ('rules' as const) : ('model' as const), cached: true };
    const asked = { caller, question: named, saying, today, before, over };
    const found = this.hasModel ? await this.byModel(asked, owner) : this.byRules(asked);
    if (owner !== null && (found.meaning ? found.meaning.subject === 'ai' : isForAdmins(found.sql))) throw ofNoCampaign();
    return { owner, saying, likeness, ...found };
  }

  private async dry(sql: string, owner: string | null) {
    const { snapshotAt } = await this.datasets.current();
    const columns = await this.engines.columns(sql, owner);
    return { columns, rows: [], rowCount: 0, truncated: false, currency: currencyOf(columns), chart: null, snapshotAt };
  }

  private async lastOf(caller: Caller, sessionId: string): Promise<Turn | undefined> {
    if (!(await this.sessions.find(caller.id, sessionId))) throw new Refusal('not_found', 'There is no such session of yours.');
    return this.sessions.last(sessionId);
  }

  private byRules({ saying, before }: Asked): Understood {
    const meaning = meant(saying, before?.meaning ?? undefined);
    if (!meaning) throw notUnderstood(saying);
    return { sql: sqlOf(meaning), meaning, understoodBy: 'rules', cached: false };
  }

  /** Where no model answers the rules do, as far as they reach. */
  private async byModel(asked: Asked, owner: string | null): Promise<Understood> {
    let why: string | undefined;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      let sql: string | undefined;
      try {
        sql = await this.written(asked, why);
      } catch (fault) {
        if (fault instanceof Refusal && fault.code === 'dependency_down') return this.byRules(asked);
        throw fault;
      }
      if (sql === undefined) throw notUnderstood(asked.saying);
      try {
        await this.engines.columns(sql, owner);
        return { sql, meaning: null, understoodBy: 'model', cached: false };
      } catch (fault) {
        if (!(fault instanceof Refusal) || fault.code !== 'sql_refused') throw fault;
        why = `${sql}\nwas refused: ${fault.message} Write another one.`;
      }
    }
    throw notUnderstood(asked.saying);
  }

  private async written({ caller, question, today, before, over }: Asked, why: string | undefined): Promise<string | undefined> {
    const messages = [
      { role: 'system', content: promptFor(today, before, ownerOf(caller)) },
      { role: 'user', content: question },
      ...(why === undefined ? [] : [{ role: 'user', content: why }]),
    ];
    const { body } = await this.gateway.answer({ userId: caller.id, asked: { messages, temperature: 0, max_tokens: MOST_TOKENS }, over });
    return sqlIn(body);
  }
}

const ofNoCampaign = () => new Refusal('forbidden', 'What the AI costs belongs to no campaign; it is for admins.');

function notUnderstood({ language, unknown, subject }: Said): Refusal {
  const words = unknown
    .slice(0, 5)
    .map((word) => `“${word}”`)
    .join(', ');
  const why =
    words !== ''
      ? { pt: `Não sei o que fazer com ${words}.`, en: `I do not know what to do with ${words}.` }
      : subject === null
        ? { pt: 'Não entendi sobre o que é a pergunta.', en: 'I did not understand what the question is about.' }
        : { pt: 'Isso não se conta assim.', en: 'This cannot be told in that way.' };
  const offered = suggestions[language].slice(0, SUGGESTED).map((message) => ({ path: 'question', message }));
  return new Refusal('question_not_understood', why[language], offered);
}
