import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Heard {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
}

type Behave = (request: IncomingMessage, response: ServerResponse) => void;

/** A server behind the proxy that tells what reached it. What it says is not of interest, or told by the test. */
export async function startOrigin(name: string) {
  const heard: Heard[] = [];
  let connections = 0;
  const well: Behave = (_request, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ name }));
  let behave = well;
  const server = createServer((request, response) => {
    heard.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers });
    request.resume();
    request.once('end', () => behave(request, response));
  });
  server.on('connection', () => (connections += 1));
  server.keepAliveTimeout = 75_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    name,
    port,
    heard,
    connections: () => connections,
    behave: (as: Behave = well) => (behave = as),
    forget: () => {
      heard.length = 0;
      behave = well;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Origin = Awaited<ReturnType<typeof startOrigin>>;

/** Takes the whole request, and cuts the connection instead of answering. */
export const cutOff: Behave = (request) => request.socket.destroy();
