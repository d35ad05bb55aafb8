import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

const HEARTBEAT_MS = 15_000;
/** The head of an answer goes out with its first byte. */
const FIRST_BEAT_MS = 100;
const BEAT = ': still here\n\n';

export function tellStream(reply: FastifyReply): void {
  reply.headers({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
}

/** Ends with the connection, however that ends, or as soon as `leaving` comes. */
export function whileThere(reply: FastifyReply, leaving?: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const leave = () => {
    gone.abort();
    leaving?.removeEventListener('abort', leave);
  };
  if (reply.raw.destroyed || leaving?.aborted) leave();
  leaving?.addEventListener('abort', leave);
  reply.raw.once('close', leave);
  return gone.signal;
}

/** Events as they come, no faster than they are taken. In a long silence a comment tells proxies that somebody is there. */
export function eventStream(events: AsyncGenerator<string, void, void>, heartbeatMs = HEARTBEAT_MS): Readable {
  let asking = false;
  const beat = () => asking && stream.push(BEAT);
  const timer = setInterval(beat, heartbeatMs);
  const first = setTimeout(beat, FIRST_BEAT_MS);
  const ask = async () => {
    const { done, value } = await events.next();
    timer.refresh();
    clearTimeout(first);
    asking = false;
    stream.push(done ? null : value);
  };
  const stream: Readable = new Readable({
    highWaterMark: 1,
    read() {
      if (asking) return;
      asking = true;
      ask().catch((fault: unknown) => stream.destroy(fault as Error));
    },
    destroy(fault, done) {
      clearInterval(timer);
      clearTimeout(first);
      events.return().then(
        () => done(fault),
        () => done(fault),
      );
    },
  });
  return stream;
}
