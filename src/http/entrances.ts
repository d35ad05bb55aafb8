import { createServer, Server } from 'node:net';

/** Connections that the kernel keeps until they are taken, as many as a proxy opens at once: who has no place left looks dead to it. */
export const IN_LINE = 1_024;

/**
 * Where connections come in. In each turn of its loop a process takes one from each entrance, however many wait there: with a single one,
 * a process whose turns have become long lets in a few in a second, and the rest wait where no one refuses them.
 */
export class Entrances {
  private readonly others: Server[] = [];
  private open = true;

  constructor(private readonly first: Server) {}

  /** Another entrance to the same room; whoever comes in is received by the first server. */
  add(handle: unknown): void {
    const entrance = createServer((socket) => this.first.emit('connection', socket));
    // The first one has it still.
    entrance.on('error', () => undefined);
    entrance.listen(handle, IN_LINE);
    this.others.push(entrance);
    if (!this.open) entrance.close();
  }

  /** The plain socket server's way: http's own would cut idle connections at once. */
  close(): void {
    this.open = false;
    for (const entrance of [this.first, ...this.others]) Server.prototype.close.call(entrance);
  }

  /** How many are in. */
  async count(): Promise<number> {
    const each = [this.first, ...this.others].map(
      (entrance) => new Promise<number>((resolve) => entrance.getConnections((_error, count) => resolve(count))),
    );
    return (await Promise.all(each)).reduce((sum, count) => sum + count, 0);
  }
}
