import { Inject, Injectable } from '@nestjs/common';
import { Transcriptions } from '../../../ai/passing/transcriptions.service.js';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import { Refusal, type ProblemCode } from '../../../kernel/problems.js';
import type { Log } from '../../../observability/log.js';
import { LOG } from '../../../observability/observability.module.js';
import { AudioStorage } from '../storage.js';
import type { TranscriptState } from '../states.js';
import { WorkStore, type Taken } from './work.store.js';

/** More than that no provider takes. */
const MOST_BYTES = 24 * 1024 * 1024;

const refusals: Partial<Record<ProblemCode, TranscriptState>> = {
  token_budget_exhausted: 'budget_exhausted',
  ai_request_refused: 'not_offered',
  model_not_priced: 'not_offered',
  model_not_found: 'not_offered',
};

/** What was said, written down by whoever the AI is, on the account of whose recording it is; or why it is not. */
@Injectable()
export class Transcripts {
  constructor(
    private readonly transcriptions: Transcriptions,
    private readonly storage: AudioStorage,
    private readonly work: WorkStore,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async write(job: Taken, seconds: number, over: AbortController): Promise<void> {
    if (this.config.AI_BASE_URL === undefined) return this.work.heard(job, 'not_offered', null);
    if (!(await this.work.asking(job))) return;
    const { state, text } = await this.heard(job, seconds, over);
    await this.work.heard(job, state, text);
  }

  private async heard(
    { id, ownerId }: Taken,
    seconds: number,
    over: AbortController,
  ): Promise<{ state: TranscriptState; text: string | null }> {
    const file = await this.storage.read(id, 'normalized');
    if (!file) return { state: 'failed', text: null };
    if (file.bytes > MOST_BYTES) {
      file.stream.destroy();
      return { state: 'too_large', text: null };
    }
    try {
      const recording = { name: 'recording.ogg', type: 'audio/ogg', bytes: Buffer.concat(await file.stream.toArray()) };
      const model = this.config.AI_TRANSCRIPTION_MODEL;
      const text = await this.transcriptions.write({ userId: ownerId, recording, seconds, model }, over);
      return { state: 'made', text };
    } catch (fault) {
      if (!(fault instanceof Refusal)) this.log.warn({ err: fault, audioJobId: id }, 'what was said was not written down');
      return { state: (fault instanceof Refusal && refusals[fault.code]) || 'failed', text: null };
    }
  }
}
