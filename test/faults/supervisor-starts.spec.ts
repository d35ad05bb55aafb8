import { expect, it, onTestFinished } from 'vitest';
import { openLink } from '../support/fault-proxy.js';
import { freshDatabase, freshRedis } from '../support/fresh.js';
import { startSystem, until } from '../support/system.js';

/** Two minutes go by until it is seen to stand still. */
const LONGEST_MS = 300_000;

/** The database behind a link that can fail. */
async function linkTo(databaseUrl: string) {
  const { username, pathname, searchParams } = new URL(databaseUrl);
  const link = await openLink({ path: `${searchParams.get('host')}/.s.PGSQL.${searchParams.get('port')}` });
  return { link, url: `postgres://${username}@127.0.0.1:${link.port}${pathname}` };
}

it(
  'a process that stands still before it is ready is ended, and another takes its place; one that waits for its database is not',
  async () => {
    const [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
    const { link, url } = await linkTo(database.url);
    const system = startSystem({ env: { DATABASE_URL: url, REDIS_URL: redis.url, SECRET_KEY: 'tests', WORKERS: '2' } });
    onTestFinished(async () => {
      await system.end();
      await Promise.all([link.close(), database.drop(), redis.stop()]);
    });
    const mains = () =>
      system
        .processes()
        .filter(({ command }) => command.includes('main.js'))
        .map(({ pid }) => pid);
    // By then the database is migrated.
    await until(() => mains().length >= 1);
    await link.behave('refuse');
    const [waiting] = mains();
    await until(() => mains().length >= 2);
    const still = mains().find((pid) => pid !== waiting)!;
    process.kill(still, 'SIGSTOP');
    await system.line(({ msg, pid }) => msg === 'a process stands still, ending it' && pid === still);
    expect(system.lines.filter(({ msg }) => msg === 'ready')).toEqual([]);
    await link.behave('well');
    await system.ready();
    expect([mains().length, mains().includes(waiting!), mains().includes(still)]).toEqual([3, true, false]);
  },
  LONGEST_MS,
);
