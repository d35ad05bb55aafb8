import { Inject, Injectable } from '@nestjs/common';
import { refusalOf } from '../../http/validation.js';
import { Refusal } from '../../kernel/problems.js';
import { SOON } from '../budget/budget.words.js';
import { mostTokensOf, recordingTokensOf, tokensOfSeconds } from '../counting.js';
import { PROVIDER, type Provider } from '../providers/provider.js';
import { MOST_BESIDE_BYTES, readForm, writeForm, type Form, type Recording } from './form.js';
import { PaidCalls } from '../paid-calls.service.js';
import { shortFields, TEXT_FORMATS, transcriptionShape } from './passing.dto.js';
import { waveBytesOfASecond } from './wave.js';

/** Of all recordings together that are in this process at once. */
const MOST_HELD_BYTES = 250 * 1024 * 1024;
/** Of one person in this process at once. */
const MOST_COMING = 3;

/** A form that has not come yet. */
export interface ComingForm {
  userId: string;
  type: string;
  /** Where its length was said. */
  bytes: number | undefined;
  /** Tells of each part that came. */
  read: (came: (bytes: number) => void) => Promise<Buffer>;
}

/** One that the system itself holds. */
interface OwnRecording {
  userId: string;
  recording: Recording;
  seconds: number;
  model?: string;
}

/** Recordings, passed on to whoever hears them. */
@Injectable()
export class Transcriptions {
  private held = 0;
  private readonly coming = new Map<string, number>();

  constructor(
    private readonly calls: PaidCalls,
    @Inject(PROVIDER) private readonly provider: Provider,
  ) {}

  /** Nothing is taken in for somebody whose budget it would not fit. */
  async hear({ userId, type, bytes, read }: ComingForm, over: AbortController) {
    await this.calls.mustFit(userId, this.provider.model, recordingTokensOf((bytes ?? 0) - MOST_BESIDE_BYTES));
    let held = 0;
    const hold = (came: number) => {
      if (this.held + came > MOST_HELD_BYTES)
        throw new Refusal('overloaded', 'Too many recordings come in at once. Try again in a moment.');
      this.held += came;
      held += came;
    };
    try {
      const { model, prompt, form } = this.understood(readForm(await this.oneOfFew(userId, () => read(hold)), type));
      return await this.calls.make({
        alone: true,
        ...{ userId, model, prompt, completion: 0, over },
        ask: (gone) => this.provider.transcriptions(form, gone),
        guess: () => ({ promptTokens: prompt, completionTokens: 0 }),
      });
    } finally {
      this.held -= held;
    }
  }

  /** What was said in a recording that is here, of which it is known how long it is. */
  async write({ userId, recording, seconds, model = this.provider.model }: OwnRecording, over: AbortController): Promise<string> {
    const form = { ...writeForm({ fields: new Map([['model', [model]]]), file: recording }), asText: false };
    const { most, usual } = tokensOfSeconds(seconds);
    const { answer } = await this.calls.make({
      alone: true,
      ...{ userId, model, prompt: most, completion: 0, over },
      ask: (gone) => this.provider.transcriptions(form, gone),
      guess: () => ({ promptTokens: usual, completionTokens: 0 }),
    });
    return typeof answer.body === 'string' ? answer.body : String(answer.body.text);
  }

  /** Whoever begins many that do not come keeps nobody else from sending his. */
  private async oneOfFew<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const others = this.coming.get(userId) ?? 0;
    if (others >= MOST_COMING)
      throw new Refusal('too_many_streams', `At most ${MOST_COMING} recordings of yours may come in at once.`, undefined, SOON);
    this.coming.set(userId, others + 1);
    try {
      return await work();
    } finally {
      const left = this.coming.get(userId)! - 1;
      if (left > 0) this.coming.set(userId, left);
      else this.coming.delete(userId);
    }
  }

  private understood({ fields, file }: Form) {
    const said = Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
    const { data, error } = transcriptionShape.safeParse(said);
    if (error) throw refusalOf(error.issues);
    if (!file?.bytes.length) throw new Refusal('validation_failed', 'There is no recording.', [{ path: 'file', message: 'is missing' }]);
    const { model = this.provider.model, response_format } = data;
    const words = [...fields].flatMap(([name, values]) => (Object.hasOwn(shortFields, name) ? [] : values));
    fields.set('model', [model]);
    return {
      model,
      prompt:
        recordingTokensOf(file.bytes.length, waveBytesOfASecond(file.bytes)) + words.reduce((sum, value) => sum + mostTokensOf(value), 0),
      form: { ...writeForm({ fields, file }), asText: TEXT_FORMATS.includes(response_format) },
    };
  }
}
