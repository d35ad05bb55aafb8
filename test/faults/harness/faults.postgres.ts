import type pg from 'pg';
import { pause } from '../../../src/kernel/waiting.js';
import { signalTree } from '../../support/freeze.js';
import { eventually } from '../../support/lab.js';
import { connected, everything, fault, reading, type Ground } from './fault.js';
import type { Site } from './site.js';

const OURS = `application_name LIKE 'mutirao%' AND backend_type = 'client backend'`;
const GIFTS = 200;
const STORMING = 8;

/** PostgreSQL is there again, by whoever keeps it running. */
const answersAgain = ({ site }: Ground) =>
  eventually(
    () => site.rows('SELECT 1').catch(() => []),
    ({ length }) => length === 1,
  );

/** Until all who try are refused. */
async function takeAll(databaseUrl: string): Promise<pg.Client[]> {
  const taken: pg.Client[] = [];
  for (;;) {
    try {
      taken.push(await connected(databaseUrl));
    } catch (fault) {
      if ((fault as { code?: string }).code === '53300') return taken;
      throw fault;
    }
  }
}

/** A session tells of its own when it ends, at the latest after ten seconds: what is told is never too many. */
async function deadlocksSoFar({ rows }: Site): Promise<number> {
  const [told] = await rows<{ many: number }>('SELECT deadlocks::int AS many FROM pg_stat_database WHERE datname = current_database()');
  return told!.many;
}

/** Takes the same rows again and again, in its own order. */
async function storm(client: pg.Client, statements: readonly string[], isOver: () => boolean): Promise<number> {
  let deadlocks = 0;
  while (!isOver()) {
    try {
      await client.query('BEGIN');
      for (const statement of statements) {
        await client.query(statement);
        await pause(20);
      }
    } catch (fault) {
      if ((fault as { code?: string }).code !== '40P01') throw fault;
      deadlocks += 1;
    } finally {
      await client.query('ROLLBACK');
    }
  }
  return deadlocks;
}

export const postgresFaults = [
  fault({
    name: 'ten sessions of PostgreSQL are ended',
    promise: 'whoever was being answered by them is refused, with when to come again; others notice nothing',
    ...{ seconds: 0, spares: reading, errors: 0.05, backSeconds: 2, near: true },
    async inject({ site, note }) {
      const ended = await site.rows(`SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE ${OURS} LIMIT 10) ours`);
      note(`${ended.length} were ended`);
      return () => Promise.resolve();
    },
  }),
  fault({
    name: 'one process of PostgreSQL is killed, upon which it starts anew',
    promise: 'nothing that was acknowledged is lost; refused meanwhile, with when to come again',
    ...{ seconds: 0, spares: ['live'], backSeconds: 10 },
    async inject(ground) {
      const [one] = await ground.site.rows<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE ${OURS} LIMIT 1`);
      process.kill(one!.pid, 'SIGKILL');
      return () => answersAgain(ground);
    },
  }),
  fault({
    name: 'the postmaster and all of PostgreSQL are killed',
    promise: 'nothing that was acknowledged is lost; refused meanwhile, with when to come again',
    ...{ seconds: 0, spares: ['live'], backSeconds: 15, near: true, mixes: true },
    async inject(ground) {
      signalTree(ground.site.engines.postgresPid ?? 0, 'SIGKILL');
      return () => answersAgain(ground);
    },
  }),
  fault({
    name: 'the postmaster alone is killed',
    promise: 'nothing that was acknowledged is lost; refused meanwhile, with when to come again',
    ...{ seconds: 0, spares: ['live'], backSeconds: 15 },
    async inject(ground) {
      process.kill(ground.site.engines.postgresPid ?? 0, 'SIGKILL');
      return () => answersAgain(ground);
    },
  }),
  fault({
    name: 'PostgreSQL has no connection left for 10 s',
    promise: 'everyone is served by those that are open',
    ...{ seconds: 10, spares: everything, backSeconds: 2 },
    async inject({ site, note }) {
      const taken = await takeAll(site.engines.databaseUrl);
      note(`others held ${taken.length}`);
      return () => Promise.all(taken.map((client) => client.end()));
    },
  }),
  fault({
    name: `somebody locks the campaign of the night for 20 s, while ${GIFTS} people give to it`,
    promise: 'who gives to it is refused after 3 s, with when to come again; others notice nothing, and each gift is taken once',
    ...{ seconds: 20, spares: [...reading, 'messages', 'AI'], backSeconds: 5 },
    async inject({ site, crowd, draw, well, note }) {
      const [hot = ''] = site.campaigns;
      const holder = await connected(site.engines.databaseUrl);
      await holder.query('BEGIN');
      await holder.query('SELECT FROM campaigns WHERE id = $1 FOR UPDATE', [hot]);
      const gifts = Promise.all(Array.from({ length: GIFTS }, () => crowd.give(hot, draw)));
      return async () => {
        await holder.query('COMMIT');
        well();
        const since = performance.now();
        await holder.end();
        const given = await gifts;
        note(`all ${GIFTS} had given ${((performance.now() - since) / 1_000).toFixed(1)} s after it`);
        const without = given.filter((made) => !made).length;
        if (without > 0) throw new Error(`${without} of ${GIFTS} never got their gift through`);
      };
    },
  }),
  fault({
    name: 'deadlocks without end on campaigns and gifts, for 10 s',
    promise: 'who loses one is refused, with when to come again; who reads notices nothing',
    ...{ seconds: 10, spares: reading, backSeconds: 5 },
    async inject({ site, note }) {
      const state = { over: false };
      const [one = '', other = ''] = site.campaigns;
      const lock = (id: string) => `SELECT FROM campaigns WHERE id = '${id}' FOR UPDATE`;
      const gifts = (order: string) =>
        `SELECT FROM (SELECT id FROM donations ORDER BY id DESC LIMIT 20) s JOIN donations d USING (id) ORDER BY id ${order} FOR UPDATE OF d`;
      const ways = [
        [lock(one), gifts('ASC'), lock(other)],
        [lock(other), gifts('DESC'), lock(one)],
      ];
      const before = await deadlocksSoFar(site);
      const clients = await Promise.all(Array.from({ length: STORMING }, () => connected(site.engines.databaseUrl)));
      const storms = clients.map((client, n) => storm(client, ways[n % 2]!, () => state.over));
      return async () => {
        state.over = true;
        const deadlocks = (await Promise.all(storms)).reduce((sum, many) => sum + many, 0);
        await Promise.all(clients.map((client) => client.end()));
        const others = (await deadlocksSoFar(site)) - before - deadlocks;
        note(`${deadlocks} deadlocks ended one of those who made them, ${Math.max(0, others)} one of the system's own sessions`);
        if (deadlocks === 0) throw new Error('there was no deadlock');
      };
    },
  }),
];
