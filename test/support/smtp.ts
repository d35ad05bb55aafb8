import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface Received {
  from: string;
  to: string[];
  raw: string;
}

/** How the server treats who comes: as it should, or in one of the ways in which servers fail. */
export type Manner =
  | 'well'
  /** Says nothing, not even a greeting. */
  | 'silent'
  /** Hangs up when it has the whole letter, without an answer. */
  | 'drop'
  /** Answers to a whole letter only when it is let go. */
  | 'hold'
  | { at: 'auth' | 'mail' | 'rcpt' | 'text'; code: number };

/** A mail server that does as it is told, and repeats in its refusals what it should not. */
export async function startSmtp({ tls = false } = {}) {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  let manner: Manner = 'well';
  let letGo: (() => void)[] = [];
  let mostSockets = 0;

  const refusalAt = (place: string, to = '') =>
    typeof manner === 'object' && manner.at === place
      ? Object.assign(new Error(`5.1.1 <${to}> and word-of-subject and word-of-text are not wanted`), { responseCode: manner.code })
      : null;

  const server = new SMTPServer({
    logger: false,
    disabledCommands: tls ? [] : ['STARTTLS'],
    allowInsecureAuth: true,
    authOptional: true,
    disableReverseLookup: true,
    onAuth: ({ username }, _session, done) => done(refusalAt('auth'), { user: username }),
    onConnect: (_session, done) => {
      if (manner !== 'silent') done();
    },
    onMailFrom: ({ address }, _session, done) => done(refusalAt('mail', address)),
    onRcptTo: ({ address }, _session, done) => done(refusalAt('rcpt', address)),
    onData: (stream, { envelope }, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = envelope;
        const to = rcptTo.map(({ address }) => address);
        received.push({ from: mailFrom ? mailFrom.address : '', to, raw: Buffer.concat(parts).toString() });
        if (manner === 'drop') cut();
        else if (manner === 'hold') letGo.push(() => done(null));
        else done(refusalAt('text', to[0]));
      });
    },
  });
  server.on('error', () => undefined);
  server.server.on('connection', (socket) => {
    sockets.add(socket);
    mostSockets = Math.max(mostSockets, sockets.size);
    socket.on('close', () => sockets.delete(socket));
  });
  const listen = (port: number) => once(server.server.listen(port, '127.0.0.1'), 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  await listen(0);
  const { port } = server.server.address() as AddressInfo;

  return {
    url: `smtp://me:word-of-secret@127.0.0.1:${port}`,
    /** Whole letters, whatever was answered. */
    received,
    behave: (how: Manner) => {
      manner = how;
    },
    letGo: () => {
      const waiting = letGo;
      letGo = [];
      for (const answer of waiting) answer();
    },
    /** Ends every connection. */
    cut,
    open: () => sockets.size,
    most: () => mostSockets,
    /** Refuses connections. */
    leave: async () => {
      const closed = once(server.server, 'close');
      server.server.close();
      cut();
      await closed;
    },
    comeBack: () => listen(port),
    stop: async () => {
      cut();
      if (server.server.listening) await once(server.server.close(), 'close');
    },
  };
}
