import { objectIn, type Json } from './openai.answers.js';
import { ProviderFault, type RecordingForm } from './provider.js';

/** What is sent where, and of which types an answer may be. */
export interface Errand {
  path: string;
  body: string | Buffer;
  type: string;
  accepts: readonly string[];
}

/** One whose answer is had whole, within the bounds of these names. */
export interface WholeErrand<T> extends Errand {
  within: 'answerMs' | 'heardMs';
  most: 'mostAnswerBytes' | 'mostEmbeddingsBytes';
  /** What a longer answer is: a fault of the provider's, or too much asked for at once. */
  longer: 'away' | 'cut';
  read(text: string, type: string): T;
}

const JSON_TYPE = 'application/json';
/** As providers call a text without a frame, and subtitles. */
const TEXTS = ['text/plain', 'text/vtt', 'text/srt', 'application/x-subrip'];

export const streamedChat = (question: object): Errand => ({ ...toChat(question), accepts: ['text/event-stream'] });

export const toChat = (question: object): WholeErrand<Json> => ({
  ...{ path: '/chat/completions', body: JSON.stringify(question), type: JSON_TYPE, accepts: [JSON_TYPE] },
  ...{ within: 'answerMs', most: 'mostAnswerBytes', longer: 'cut' },
  read: (text) => objectWith('choices', Array.isArray, text),
});

export const toEmbed = (question: object): WholeErrand<Json> => ({
  ...{ path: '/embeddings', body: JSON.stringify(question), type: JSON_TYPE, accepts: [JSON_TYPE] },
  ...{ within: 'answerMs', most: 'mostEmbeddingsBytes', longer: 'cut' },
  read: (text) => objectWith('data', Array.isArray, text),
});

export const toHear = ({ type, bytes, asText }: RecordingForm): WholeErrand<{ type: string; body: Json | string }> => ({
  ...{ path: '/audio/transcriptions', body: bytes, type, accepts: asText ? [...TEXTS, JSON_TYPE] : [JSON_TYPE] },
  ...{ within: 'heardMs', most: 'mostAnswerBytes', longer: 'cut' },
  read: (text, kind) => ({ type: kind, body: kind === JSON_TYPE ? objectWith('text', isText, text) : text }),
});

const isText = (value: unknown) => typeof value === 'string';

function objectWith(field: string, isRight: (value: unknown) => boolean, text: string): Json {
  const object = objectIn(text);
  if (object && isRight(object[field])) return object;
  throw new ProviderFault('away', `an answer that is no JSON object with ${field}`, true);
}
