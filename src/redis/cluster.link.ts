import KeyvRedis, { type RedisClusterOptions } from '@keyv/redis';
import { CLIENT_NAME, CONNECT_MS, KEEP_ALIVE_MS, type Link } from './cache.link.js';
import { families } from './keys.js';
import { clusterAddress } from './redis.client.js';

interface Client {
  on(event: string, listener: () => void): void;
  sendCommand(firstKey: string, isReadonly: boolean, words: readonly (string | Buffer)[], options: object): Promise<unknown>;
}

// `$` in the protocol: a text, which then comes as bytes.
const asBytes = { typeMapping: { [0x24]: Buffer } };
const AGAIN_MS = 200;

/** A cluster, through `@keyv/redis`. The family's tag in braces keeps all keys of the cache on one node. */
export async function openCluster(url: string, lost: () => void): Promise<Link> {
  const { nodes, username, password } = clusterAddress(url);
  const socket = { connectTimeout: CONNECT_MS, keepAliveInitialDelay: KEEP_ALIVE_MS, reconnectStrategy: () => AGAIN_MS };
  const options: RedisClusterOptions = {
    // One node has all the keys; what befalls the others is nothing to us.
    minimizeConnections: true,
    rootNodes: nodes.map((node) => ({ socket: { ...node, ...socket } })),
    defaults: { name: CLIENT_NAME, disableOfflineQueue: true, socket, ...(password ? { username: username || undefined, password } : {}) },
  };
  const keyv = new KeyvRedis(options, { connectionTimeout: 2 * CONNECT_MS });
  keyv.on('error', lost);
  const client = keyv.client as unknown as Client;
  for (const event of ['error', 'disconnect', 'node-error', 'node-reconnecting', 'node-disconnect']) client.on(event, lost);
  await keyv.getClient();
  return {
    send: (words) => client.sendCommand(families.cache, false, words, asBytes),
    close: () => void keyv.disconnect(true).catch(() => undefined),
  };
}
