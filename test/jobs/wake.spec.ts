import events, { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { DataSource } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import { OutboxWake } from '../../src/outbox/outbox.wake.js';
import { eventually, labEnvironment } from '../support/lab.js';

describe('A process that listens for work', () => {
  it('keeps nothing of the connections that it lost', async () => {
    let tried = 0;
    const server = createServer((socket) => {
      tried += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const warnings: string[] = [];
    const hear = ({ message }: Error) => warnings.push(message);
    process.on('warning', hear);
    const usual = events.defaultMaxListeners;
    // So that the third is noticed, and not the eleventh only.
    events.defaultMaxListeners = 2;
    const url = `postgres://nobody:none@127.0.0.1:${(server.address() as AddressInfo).port}/none`;
    const wake = new OutboxWake(new DataSource({ type: 'postgres' }), readConfig(labEnvironment(url, 'redis://127.0.0.1:1')), true);
    try {
      wake.onApplicationBootstrap();
      await eventually(
        () => Promise.resolve(tried),
        (times) => times >= 5,
      );
      expect(warnings.filter((text) => text.includes('AbortSignal'))).toEqual([]);
    } finally {
      events.defaultMaxListeners = usual;
      wake.onApplicationShutdown();
      process.off('warning', hear);
      server.close();
    }
  });
});
