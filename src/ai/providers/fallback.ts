import { ProviderFault, type ChatBody, type Provider } from './provider.js';
import type { ProviderLog } from './openai.client.js';

/**
 * Asks the second where the first is away. Embeddings are the first one's alone, as those of two models cannot be compared, and so
 * is what is heard, as nobody knows by which model the second would hear.
 */
export function withFallback(first: Provider, second: Provider, log: ProviderLog): Provider {
  let away = false;

  function note(now: boolean): void {
    if (now && !away) log.warn({ ai: first.name, instead: second.name }, 'another AI provider is asked instead');
    if (!now && away) log.info({ ai: first.name }, 'the first AI provider is asked again');
    away = now;
  }

  const forSecond = (body: ChatBody): ChatBody => ({ ...body, model: second.model });

  return {
    name: first.name,
    model: first.model,
    async chat(body, signal) {
      try {
        const answer = await first.chat(body, signal);
        note(false);
        return answer;
      } catch (fault) {
        if (!isAway(fault)) throw fault;
        note(true);
        try {
          return { ...(await second.chat(forSecond(body), signal)), model: second.model };
        } catch (later) {
          throw afterBoth(fault, later);
        }
      }
    },
    async *stream(body, signal) {
      let begun = false;
      try {
        for await (const piece of first.stream(body, signal)) {
          if (!begun) note(false);
          begun = true;
          yield piece;
        }
      } catch (fault) {
        if (begun || !isAway(fault)) throw fault;
        note(true);
        try {
          for await (const piece of second.stream(forSecond(body), signal)) yield { ...piece, model: second.model };
        } catch (later) {
          throw afterBoth(fault, later);
        }
      }
    },
    embeddings: (body, signal) => first.embeddings(body, signal),
    transcriptions: (form, signal) => first.transcriptions(form, signal),
  };
}

const isAway = (fault: unknown): fault is ProviderFault => fault instanceof ProviderFault && fault.kind === 'away';

/** The later one counts; but what one of them may have had was sent. */
function afterBoth(earlier: ProviderFault, later: unknown): unknown {
  if (!(later instanceof ProviderFault) || later.sent || !earlier.sent) return later;
  return new ProviderFault(later.kind, later.message, true, later.details);
}
