import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';

export type Exchanged =
  /** `text` is missing where it is longer than it may be. */
  | { answered: true; status: number; headers: Readonly<Record<string, string | string[] | undefined>>; text: string | undefined }
  /** `begun`: a byte of the request may have gone out. `left`: it is whoever waited that went away. */
  | { answered: false; begun: boolean; left: boolean; why: string };

export interface ExchangeBounds {
  answerMs: number;
  mostBytes: number;
}

/**
 * One request, written at most once. By hand, as `request` of undici does not say whether it has begun to write, which is all
 * that tells a message that may be sent again from one that may not.
 */
export function exchange(
  pool: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
  { answerMs, mostBytes }: ExchangeBounds,
): Promise<Exchanged> {
  return new Promise((resolve) => {
    let begun = false;
    let over = false;
    let abort = (_why: Error): void => undefined;
    const end = (what: Exchanged) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      // Its connection is free a turn later: whoever asks again at once would open another.
      queueMicrotask(() => setImmediate(resolve, what));
    };
    const giveUp = (why: string) => {
      end({ answered: false, begun, left: signal.aborted, why });
      abort(new Error(why));
    };
    const leave = () => giveUp('nobody waits for it');
    // Where it was this process that stood still, the answer may lie there already: it is read first.
    const timer = setTimeout(() => setImmediate(() => giveUp('no answer in time')), answerMs);
    // As many wait for one signal as there are connections.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', leave);
    if (signal.aborted) {
      leave();
      return;
    }

    const parts: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let headers: Dispatcher.ResponseData['headers'] = {};
    pool.dispatch(options, {
      onRequestStart(controller) {
        abort = (why) => controller.abort(why);
        // Also whatever would be written a second time.
        if (over || begun) abort(new Error('it is over'));
        else begun = true;
      },
      onResponseStart(_controller, code, told) {
        status = code;
        headers = told;
      },
      onResponseData(_controller, part) {
        bytes += part.length;
        if (bytes <= mostBytes) return void parts.push(part);
        end({ answered: true, status, headers, text: undefined });
        abort(new Error('too long'));
      },
      onResponseEnd: () => end({ answered: true, status, headers, text: Buffer.concat(parts).toString() }),
      onResponseError: (_controller, fault) => giveUp(`no answer: ${(fault as NodeJS.ErrnoException).code ?? fault.name}`),
    });
  });
}
