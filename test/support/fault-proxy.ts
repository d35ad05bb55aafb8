import { EventEmitter, once } from 'node:events';
import { connect, createServer, type AddressInfo, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** How a link treats what goes over it: as it should, or in one of the ways in which links fail. */
export type Manner =
  | 'well'
  /** Takes connections and whatever comes, and hands nothing on until it is told otherwise: then all of it. */
  | 'black hole'
  /** Resets the connections that there are, and each that comes. */
  | 'reset'
  /** Says to who called that nothing more comes; what he says is still handed on. */
  | 'half-close'
  /** Nobody listens, and whoever was connected is no more. */
  | 'refuse'
  | { latencyMs?: number; bytesPerSecond?: number };

/** More than this on its way, and no more is read. */
const MOST_BYTES = 1_048_576;
const SLICES_PER_SECOND = 20;

interface Traffic {
  came: number;
  handed: number;
  failed: number;
}

interface Due {
  at: number;
  /** Without any, the end. */
  bytes?: Buffer;
}

/** One link: a port of this machine from where everything goes on to another place, as well or as badly as is told while it runs. */
export async function openLink(to: NetConnectOpts) {
  const switched = new EventEmitter().setMaxListeners(0);
  const callers = new Set<Socket>();
  const all = new Set<Socket>();
  let how: Manner = 'well';
  let accepted = 0;
  const traffic: Traffic = { came: 0, handed: 0, failed: 0 };

  const passable = async () => {
    while (how === 'black hole') await once(switched, 'switched');
  };
  const latency = () => (typeof how === 'object' ? (how.latencyMs ?? 0) : 0);
  const rate = () => (typeof how === 'object' ? (how.bytesPerSecond ?? Infinity) : Infinity);

  function keep(socket: Socket): void {
    all.add(socket);
    socket.setNoDelay();
    socket.on('close', () => all.delete(socket));
    socket.on('error', () => undefined);
  }

  async function send(bytes: Buffer, into: Socket): Promise<void> {
    for (let sent = 0; sent < bytes.length && into.writable;) {
      await passable();
      const slice = bytes.subarray(sent, sent + Math.max(1, Math.floor(rate() / SLICES_PER_SECOND)));
      into.write(slice);
      sent += slice.length;
      traffic.handed += slice.length;
      if (rate() < Infinity) await pause((slice.length / rate()) * 1_000);
    }
  }

  /** One direction. What was sent first arrives first. */
  function carry(from: Socket, into: Socket): void {
    const queue: Due[] = [];
    let waiting = 0;
    let busy = false;
    const work = async () => {
      busy = true;
      for (let next = queue.shift(); next; next = queue.shift()) {
        const ms = next.at - performance.now();
        if (ms > 0) await pause(ms);
        await passable();
        if (!next.bytes) into.end();
        else await send(next.bytes, into);
        waiting -= next.bytes?.length ?? 0;
        if (waiting < MOST_BYTES) from.resume();
      }
      busy = false;
    };
    const add = (bytes?: Buffer) => {
      queue.push({ at: performance.now() + latency(), ...(bytes && { bytes }) });
      waiting += bytes?.length ?? 0;
      traffic.came += bytes?.length ?? 0;
      if (waiting >= MOST_BYTES) from.pause();
      if (!busy) void work();
    };
    from.on('data', add);
    from.once('end', () => add());
    from.once('close', (failed) => {
      if (failed) into.destroy();
      else if (!from.readableEnded) add();
    });
  }

  async function accept(caller: Socket): Promise<void> {
    accepted += 1;
    keep(caller);
    callers.add(caller);
    caller.on('close', () => callers.delete(caller));
    if (how === 'reset' || how === 'half-close') traffic.failed += 1;
    if (how === 'reset') return void caller.resetAndDestroy();
    if (how === 'half-close') caller.end();
    await passable();
    if (caller.destroyed) return;
    const called = connect({ ...to, allowHalfOpen: true });
    keep(called);
    called.once('error', () => caller.resetAndDestroy());
    carry(caller, called);
    carry(called, caller);
  }

  const server = createServer({ allowHalfOpen: true }, (caller) => void accept(caller));
  const listen = (port: number) => once(server.listen(port, '127.0.0.1'), 'listening');
  const drop = () => {
    for (const caller of callers) caller.resetAndDestroy();
    // The other side may be a socket of this machine, which knows no reset.
    for (const socket of all) socket.destroy();
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    port,
    /** Connections that are open, and that ever were. */
    open: () => callers.size,
    accepted: () => accepted,
    /** Bytes that came from either side, and that were handed on; and connections that it made fail. */
    traffic: (): Readonly<Traffic> => ({ ...traffic }),
    /** From now on, also what is under way. Resolves when it is so. */
    async behave(manner: Manner): Promise<void> {
      how = manner;
      switched.emit('switched');
      if (how !== 'well' && how !== 'black hole' && typeof how === 'string') traffic.failed += callers.size;
      if (how === 'reset' || how === 'refuse') drop();
      if (how === 'half-close') for (const caller of callers) caller.end();
      if (how === 'refuse' && server.listening) {
        server.close();
        await once(server, 'close');
      } else if (how !== 'refuse' && !server.listening) await listen(port);
    },
    async close(): Promise<void> {
      how = 'refuse';
      switched.emit('switched');
      drop();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

export type FaultLink = Awaited<ReturnType<typeof openLink>>;
