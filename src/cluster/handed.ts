import type { Worker } from 'node:cluster';

/** As Node's own cluster speaks to its processes. */
interface Word {
  cmd?: string;
  act?: string;
  seq?: number;
  ack?: number;
}

interface Connection {
  close(): void;
}

interface Channel {
  send(message: Word, connection?: Connection, ...rest: unknown[]): boolean;
}

/**
 * Connections that were handed to a process and are not taken yet end with it: Node forgets them, so that their clients
 * would wait for ever, and this process would keep them.
 */
export function endWith(worker: Worker): void {
  const handed = new Map<number, Connection>();
  const channel = worker.process as unknown as Channel;
  const send = channel.send.bind(channel);
  channel.send = (message, connection, ...rest) => {
    if (message.act === 'newconn' && message.seq !== undefined && connection) handed.set(message.seq, connection);
    return send(message, connection, ...rest);
  };
  worker.process.on('internalMessage', ({ ack }: Word) => {
    if (ack !== undefined) handed.delete(ack);
  });
  worker.once('exit', () => {
    for (const connection of handed.values()) connection.close();
    handed.clear();
  });
}
