import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poolFigures, widen } from '../../src/database/pool.js';
import { openDatabase } from '../support/database.js';
import { freshDatabase } from '../support/fresh.js';
import { eventually } from '../support/lab.js';

const WORKING = 10;
const MOST = 25;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let db: DataSource;
let widening: NodeJS.Timeout;
beforeAll(async () => {
  database = await freshDatabase();
  ({ db } = await openDatabase(database.url, { PGPOOL_MAX_CONNECTIONS: String(MOST) }));
  widening = widen(db);
});
afterAll(async () => {
  clearInterval(widening);
  await db.destroy();
  await database.drop();
});

const ask = (sql = 'SELECT 1') => db.query(sql);

describe('The pool', () => {
  it('has as many connections as work at once, however many ask', async () => {
    for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 100 }, () => ask()));
    expect(poolFigures(db)).toEqual({ open: WORKING, idle: WORKING, waiting: 0, most: MOST });
  });

  it('opens more beside those that stand still, up to its most, and then whoever asks waits', async () => {
    await database.rows('CREATE TABLE gate ()');
    const gate = db.createQueryRunner();
    await gate.startTransaction();
    await gate.query('LOCK TABLE gate');
    const stuck = Array.from({ length: WORKING }, () => ask('SELECT FROM gate'));
    const after = Array.from({ length: 20 }, () => ask());
    await Promise.all(after);
    expect(poolFigures(db).open).toBeGreaterThan(WORKING);
    const more = Array.from({ length: MOST }, () => ask('SELECT FROM gate'));
    await eventually(
      async () => poolFigures(db),
      ({ open, waiting }) => open === MOST && waiting > 0,
    );
    await gate.commitTransaction();
    await gate.release();
    await Promise.all([...stuck, ...more]);
    expect(poolFigures(db)).toMatchObject({ open: MOST, waiting: 0 });
  });
});
