import { redisStore } from 'cache-manager-redis-store';
import { CLIENT_NAME, CONNECT_MS, KEEP_ALIVE_MS, type Link } from './cache.link.js';

/** What is used of the client that the package brings; its own types are those of an older cache-manager. */
interface Client {
  readonly isOpen: boolean;
  on(event: string, listener: () => void): void;
  sendCommand(words: readonly (string | Buffer)[], options: { returnBuffers: boolean }): Promise<unknown>;
  disconnect(): Promise<void>;
}
type OpenStore = (options: object) => Promise<{ getClient(): Client }>;

/**
 * A single node, through `cache-manager-redis-store`. The package connects before anyone can listen for
 * errors, so nothing is said while it does: then there is no moment in which an error could end the process.
 * Its own store contract is not used, as it knows no milliseconds and clears the whole server.
 */
export async function openSingle(url: string, lost: () => void): Promise<Link> {
  const { socket, greetings } = read(url);
  const store = await (redisStore as unknown as OpenStore)({
    socket: { ...socket, connectTimeout: CONNECT_MS, keepAlive: KEEP_ALIVE_MS, reconnectStrategy: false },
    disableOfflineQueue: true,
    disableClientInfo: true,
  });
  const client = store.getClient();
  client.on('error', lost);
  client.on('end', lost);
  const send: Link['send'] = (words) => client.sendCommand(words, { returnBuffers: true });
  const close = () => {
    if (client.isOpen) void client.disconnect().catch(() => undefined);
  };
  try {
    await Promise.all(greetings.map(send));
  } catch (fault) {
    close();
    throw fault;
  }
  return { send, close };
}

function read(url: string): { socket: object; greetings: string[][] } {
  const name = ['CLIENT', 'SETNAME', CLIENT_NAME];
  if (url.startsWith('unix:')) return { socket: { path: decodeURIComponent(url.replace(/^unix:\/\//, '')) }, greetings: [name] };
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const database = pathname.slice(1);
  return {
    socket: { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379), ...(protocol === 'rediss:' ? { tls: true } : {}) },
    greetings: [
      ...(password ? [['AUTH', ...(username ? [decodeURIComponent(username)] : []), decodeURIComponent(password)]] : []),
      name,
      ...(database ? [['SELECT', database]] : []),
    ],
  };
}
