import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';

export interface Reply {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Readable;
}

const WAITING_BYTES = 64 * 1024;
const MOST_LEFT_BYTES = 64 * 1024;
const LEFT_MS = 100;

/**
 * Sends a request; `written` is told before its first byte leaves. By hand, as `request` of undici does not say that, and
 * lets whoever leaves wait until there is a connection.
 */
export function send(pool: Dispatcher, options: Dispatcher.DispatchOptions, signal: AbortSignal, written: () => void): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let body: Readable | undefined;
    let abort = (_why: Error): void => undefined;
    const finish = () => {
      abort = () => undefined;
      signal.removeEventListener('abort', leave);
    };
    const fail = (fault: Error) => {
      finish();
      reject(fault);
      body?.destroy(fault);
    };
    const leave = () => {
      const gone = new Error('nobody waits for it');
      abort(gone);
      fail(gone);
    };
    signal.addEventListener('abort', leave);
    pool.dispatch(options, {
      onRequestStart(controller) {
        abort = (why) => controller.abort(why);
        if (signal.aborted) abort(new Error('nobody waits for it'));
        else written();
      },
      onResponseStart(controller, status, headers) {
        if (status < 200) return;
        body = new Readable({
          highWaterMark: WAITING_BYTES,
          read: () => controller.resume(),
          destroy(fault, done) {
            abort(fault ?? new Error('nobody reads it'));
            finish();
            done(fault);
          },
        });
        // It is thrown to whoever reads; where nobody does, it is no fault of the process.
        body.on('error', () => undefined);
        resolve({ status, headers, body });
      },
      onResponseData(controller, chunk) {
        if (!body?.push(chunk)) controller.pause();
      },
      onResponseEnd() {
        finish();
        // Its connection is free a turn later: whoever asks again at once would open another.
        queueMicrotask(() => setImmediate(() => body?.push(null)));
      },
      onResponseError: (_controller, fault) => fail(fault),
    });
  });
}

/** Reads what is left of an answer, so that its connection is used again; not much, and not for long. */
export async function letGo(body: Readable): Promise<void> {
  const timer = setTimeout(() => body.destroy(), LEFT_MS);
  let left = MOST_LEFT_BYTES;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) if ((left -= chunk.length) < 0) break;
  } catch {
    // Its connection is gone, and is not used again.
  } finally {
    clearTimeout(timer);
  }
}

/** `undefined` where it is longer. */
export async function textOf(body: Readable, mostBytes: number): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > mostBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
