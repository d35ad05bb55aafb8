import { createServer } from 'node:net';
import { pause } from '../kernel/waiting.js';
import { CannotStart } from './cannot-start.js';

const PATIENCE = 5_000;

/** A port that can be listened on; the processes of a killed predecessor may hold it for a moment. */
export async function freePort(port: number, host: string, signal: AbortSignal): Promise<number> {
  const until = performance.now() + PATIENCE;
  for (;;) {
    const outcome = await attempt(port, host);
    if (typeof outcome === 'number') return outcome;
    if (outcome.code !== 'EADDRINUSE') throw new CannotStart(`Cannot listen on ${host} port ${port}: ${outcome.message}`);
    if (performance.now() > until)
      throw new CannotStart(`Port ${port} of ${host} is in use by another program: stop that one, or choose another PORT`);
    await pause(100, signal);
    signal.throwIfAborted();
  }
}

function attempt(port: number, host: string): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}
