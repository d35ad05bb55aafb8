import { Inject, Injectable } from '@nestjs/common';
import { addressOf } from '../../http/cache/address.js';
import { Answers as KeptForAll } from '../../http/cache/answers.js';
import { Entry, type Stamp } from '../../http/cache/entry.js';
import { PROCESS_MS } from '../../http/cache/recent.js';
import { Tiers } from '../../http/cache/tiers.js';
import { OFFLINE_MODEL } from '../budget/prices.js';
import { PROVIDER, type Provider } from '../providers/provider.js';

export const AI_TAG = 'ai-answers';
const LIFE_MS = 300_000;
/** Of what was made of figures that change at any time. */
const SHORT_LIFE_MS = 1_000;
export const MOST_BYTES = 1_048_576;

/** An answer that is kept: its bytes, and what it would cost anew. */
export interface KeptAnswer {
  bytes: Buffer;
  tokens: number;
}

/** Answers for all who ask the same: a second in the process, five minutes in Redis; what the built-in model says of figures lives for a second. */
@Injectable()
export class KeptAnswers {
  private readonly lifeMs: number;

  constructor(
    private readonly tiers: Tiers,
    private readonly answers: KeptForAll,
    @Inject(PROVIDER) { model }: Provider,
  ) {
    this.lifeMs = model === OFFLINE_MODEL ? SHORT_LIFE_MS : LIFE_MS;
  }

  async find(name: string): Promise<KeptAnswer | undefined> {
    return this.peek(name) ?? answerIn((await this.answers.find(addressOf(name, [AI_TAG])!).catch(() => undefined))?.entry);
  }

  /** What this process has at hand. */
  peek(name: string): KeptAnswer | undefined {
    return answerIn(this.tiers.process.peek(name, performance.now())?.entry);
  }

  /** Before the question is asked: what is dropped after this is not kept. */
  async begin(name: string): Promise<(made: string, tokens: number) => Promise<void>> {
    const address = addressOf(name, [AI_TAG])!;
    const began = performance.now();
    const stamp = await this.tiers.redis.begin(address, this.lifeMs, false);
    return (made, tokens) => this.keep(address, began, stamp, made, tokens);
  }

  private async keep(address: string, began: number, stamp: Stamp | undefined, made: string, tokens: number): Promise<void> {
    const bytes = Buffer.from(made);
    if (this.tiers.drops.since(began, [AI_TAG])) return;
    const head = { versions: stamp?.versions ?? [], etag: '', headers: { tokens: String(tokens) }, expires: Date.now() + this.lifeMs };
    const now = performance.now();
    const entry = new Entry(head, bytes, Buffer.alloc(0));
    await this.tiers.cache.set(address, { entry, began: now, until: now + PROCESS_MS, stamp }, this.lifeMs);
  }
}

const answerIn = (entry: Entry | undefined): KeptAnswer | undefined =>
  entry && { bytes: entry.form(false).body, tokens: Number(entry.head.headers.tokens) };
