import { Readable } from 'node:stream';

const HEARTBEAT_MS = 15_000;
/** The head of an answer goes out with its first byte. */
const FIRST_BEAT_MS = 100;
const BEAT = ': still here\n\n';

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
