import { signalTree } from '../../support/freeze.js';
import { connected, fault, reading, type Ground, type Heal } from './fault.js';

const FULL = '53100';
const REFILL_MS = 250;
/** Into its log, at once: more than any part of it holds. */
const LOGGED = `SELECT pg_logical_emit_message(true, 'drill', repeat('x', 1000000)) FROM generate_series(1, 20)`;

const codeOf = (fault: unknown) => (fault as { code?: string }).code;

/** Whatever is given back meanwhile is taken as well, until it is freed. */
function keepFull({ site: { disk } }: Ground): () => void {
  if (!disk) throw new Error('this needs a site with a small disk');
  disk.fill();
  const filling = setInterval(() => disk.fill(), REFILL_MS);
  return () => {
    clearInterval(filling);
    disk.free();
  };
}

/** Somebody met it, and heard of it in its own words. */
function refusedAsFull({ asked, note }: Ground): void {
  const many = asked().filter(({ outcome }) => outcome?.why?.endsWith(': 503 storage_full')).length;
  note(`${many} were refused as \`storage_full\``);
  if (many === 0) throw new Error('nobody was refused for it');
}

/** It did not run all the while; from now on it may. */
const whileAway =
  ({ site }: Ground, free: () => void): Heal =>
  async () => {
    const runs = await site.rows('SELECT 1').then(
      () => true,
      () => false,
    );
    free();
    if (runs) throw new Error('PostgreSQL ran all the same');
  };

export const diskFaults = [
  fault({
    name: 'the disk of PostgreSQL and Redis is full for 10 s',
    promise: 'who writes is served where there is room, or refused with when to come again; who reads notices nothing',
    ...{ seconds: 10, spares: reading, backSeconds: 5, smallDisk: true },
    async inject(ground) {
      const { rows } = ground.site;
      // A new part of its log lies there whole: it is the tables that have no room.
      await rows('SELECT pg_switch_wal()');
      await rows(`SELECT pg_logical_emit_message(true, 'drill', 'x')`);
      const free = keepFull(ground);
      const code = await rows(`CREATE TABLE no_room AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)`).then(() => 'none', codeOf);
      return () => {
        free();
        refusedAsFull(ground);
        return code === FULL ? Promise.resolve() : Promise.reject(new Error(`a table of a megabyte met ${code} instead of ${FULL}`));
      };
    },
  }),
  fault({
    name: 'the disk is full for 12 s, and the log of PostgreSQL has no room either, upon which it falls and cannot start',
    promise: 'nothing that was acknowledged is lost; refused meanwhile, with when to come again; it is back by itself when there is room',
    ...{ seconds: 12, spares: ['live'], backSeconds: 15, smallDisk: true },
    async inject(ground) {
      const logging = await connected(ground.site.engines.databaseUrl);
      const free = keepFull(ground);
      const isLogged = await logging.query(LOGGED).then(
        () => true,
        // Whoever of all sessions is the first to find no room takes the others with him.
        () => false,
      );
      if (!isLogged) return whileAway(ground, free);
      free();
      throw new Error('there was room in the log of PostgreSQL');
    },
  }),
  fault({
    name: 'PostgreSQL is killed while its disk is full, and cannot start for 12 s',
    promise: 'nothing that was acknowledged is lost; refused meanwhile, with when to come again; it is back by itself when there is room',
    ...{ seconds: 12, spares: ['live'], backSeconds: 15, smallDisk: true },
    inject(ground) {
      const free = keepFull(ground);
      signalTree(ground.site.engines.postgresPid ?? 0, 'SIGKILL');
      return Promise.resolve(whileAway(ground, free));
    },
  }),
];
