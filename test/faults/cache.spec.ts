import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../src/kernel/waiting.js';
import { ask, openCache } from '../support/cache.js';
import { farOr } from '../support/drills.js';
import { eventually } from '../support/lab.js';
import { watch } from '../support/staleness.js';

const OLD_MS = 2_000;
/** For a machine that has other things to do; who is held up waits for ever. */
const SLACK_MS = 5_000;

let system: Awaited<ReturnType<typeof openCache>>;
beforeAll(async () => {
  system = await openCache();
});
afterAll(() => system.close());

const notes = ['a', 'b', 'c'];

/** Whatever befalls Redis meanwhile: nobody fails, nobody sees what is old, and it is used again afterwards. */
async function surviving(fault: () => Promise<void>) {
  const seen = await watch(system, notes, async () => {
    await pause(1_500);
    await fault();
    await pause(2_500);
  });
  expect(seen.stale).toEqual([]);
  expect(seen.failures).toEqual([]);
  expect(seen.edits).toBeGreaterThan(10);
  await system.up();
  const before = await system.figures();
  await eventually(
    async () => {
      await ask(`${system.urls()[0]}/notes/a`);
      return system.figures();
    },
    ({ redis }) => redis > before.redis,
  );
  expect(
    await eventually(
      () => system.database.rows('SELECT id FROM cache_drops'),
      (rows) => rows.length === 0,
    ),
  ).toEqual([]);
}

describe('nothing older than two seconds is shown, and nobody fails, while Redis', () => {
  it('is frozen, and thaws', () =>
    surviving(async () => {
      system.redis.freeze();
      await pause(3_000);
      system.redis.thaw();
    }));

  it('freezes and thaws again and again', () =>
    surviving(async () => {
      for (let n = 0; n < 10; n += 1) {
        system.redis.freeze();
        await pause(100 + Math.random() * 300);
        system.redis.thaw();
        await pause(Math.random() * 300);
      }
    }));

  it('is wiped, again and again', () =>
    surviving(async () => {
      for (let n = 0; n < 20; n += 1) {
        await system.redis.ask((redis) => redis.flushall());
        await pause(Math.random() * 200);
      }
    }));

  it.each(farOr([100, 300], [300]))('is slow: it stands still for %i ms most of the time', (ms) =>
    surviving(() =>
      system.redis.ask(async (redis) => {
        for (let n = 0; n < 4_000 / ms; n += 1) {
          await redis.call('CLIENT', 'PAUSE', ms, 'ALL');
          await pause(ms * 1.2);
        }
      }),
    ),
  );

  it('is killed, and comes back with what it had saved half a second before', () =>
    surviving(async () => {
      for (const away of farOr([0, 200, 1_500], [200])) {
        await system.redis.ask((redis) => redis.save());
        await pause(500);
        await system.redis.kill();
        await pause(away);
        await system.redis.start();
        await pause(1_000);
      }
    }));

  it('has no room left', async () => {
    const set = (bytes: string) => system.redis.ask((redis) => redis.config('SET', 'maxmemory', bytes));
    await surviving(async () => {
      await set('1');
      await pause(2_000);
      await set('0');
    });
  });
});

describe('what Redis says is not believed', () => {
  const versions = (id: string) => Promise.all(system.urls().map(async (url) => (await ask(`${url}/notes/${id}`)).json.version));
  /** Kept in Redis, and no more in any process. */
  const keptInRedis = async (id: string) => {
    const version = await system.edit(id);
    await versions(id);
    await pause(1_100);
    return version;
  };
  const soon = async (id: string, version: number) => {
    await pause(OLD_MS);
    expect(await versions(id)).toEqual([version, version]);
  };

  it('when it comes back with what it had saved before a drop', async () => {
    await keptInRedis('saved');
    await system.redis.ask((redis) => redis.save());
    const version = await system.edit('saved');
    await eventually(
      () => system.database.rows('SELECT id FROM cache_drops'),
      (rows) => rows.length === 0,
    );
    await system.redis.kill();
    await system.redis.start();
    await system.up();
    expect(await versions('saved')).toEqual([version, version]);
  });

  it('while it takes no drops, though it tells what it has', async () => {
    await keptInRedis('deaf');
    await system.redis.ask((redis) => redis.acl('SETUSER', 'default', '-del'));
    const version = await system.edit('deaf');
    await soon('deaf', version).finally(() => system.redis.ask((redis) => redis.acl('SETUSER', 'default', '+del')));
    await system.up();
    expect(await versions('deaf')).toEqual([version, version]);
  });

  it('by a process that cannot look for what was dropped', async () => {
    const version = await keptInRedis('blind');
    const other = new pg.Client({ connectionString: system.database.url });
    await other.connect();
    await other.query('BEGIN; LOCK TABLE cache_drops IN ACCESS EXCLUSIVE MODE');
    await system.database.rows('UPDATE lab_notes SET version = version + 1 WHERE id = $1', ['blind']);
    await soon('blind', version + 1).finally(() => other.end());
    await system.up();
  });
});

describe('an answer that takes three seconds', () => {
  /** It reads after half its time, and the change comes before it is there. */
  async function overtaken(id: string): Promise<void> {
    await system.edit(id);
    const [here, there] = system.urls();
    const slow = ask(`${here}/notes/${id}?ms=3000`);
    await pause(2_000);
    const version = await system.edit(id, there);
    expect((await slow).json).toMatchObject({ version });
  }

  it('is made once more where it was overtaken by a change', () => overtaken('slow'));

  it('is so without Redis, too', async () => {
    system.redis.freeze();
    try {
      await overtaken('slow-frozen');
    } finally {
      system.redis.thaw();
    }
    await system.up();
  });

  it('is refused where it is overtaken again and again', async () => {
    const [here, there] = system.urls();
    await system.edit('restless');
    const over = new AbortController();
    const editing = (async () => {
      while (!over.signal.aborted) {
        await system.edit('restless', there);
        await pause(100);
      }
    })();
    const told = await fetch(`${here}/notes/restless?ms=3000`).finally(() => {
      over.abort();
    });
    expect([told.status, told.headers.get('retry-after')]).toEqual([503, '5']);
    await editing;
  });
});

describe('a write', () => {
  it('is answered soon though Redis is frozen, and seen at once in its process', async () => {
    const [url] = system.urls();
    system.redis.freeze();
    try {
      for (let n = 0; n < 10; n += 1) {
        const began = performance.now();
        const version = await system.edit('frozen', url);
        expect((await ask(`${url}/notes/frozen`)).json.version).toBe(version);
        expect(performance.now() - began).toBeLessThan(300 + SLACK_MS);
      }
    } finally {
      system.redis.thaw();
    }
    await system.up();
  });
});

describe('a process that', () => {
  /** How long after the commit the other still showed what was before. */
  async function lagAfterDeath(id: string): Promise<number> {
    const dying = await system.spawn();
    const [url] = system.urls();
    const version = await system.edit(id, dying.url);
    await eventually(
      () => ask(`${url}/notes/${id}`),
      ({ json, cache }) => json.version === version && cache.includes('detail=redis'),
    );
    const gone = ask(`${dying.url}/notes/${id}?die=1`, { method: 'POST' }).catch(() => 'gone');
    let committed = Infinity;
    const watching = eventually(
      async () => (await system.database.rows<{ version: string }>('SELECT version FROM lab_notes WHERE id = $1', [id]))[0]?.version,
      (now) => Number(now) === version + 1,
    ).then(() => (committed = performance.now()));
    const last = await eventually(
      async () => ({ asked: performance.now(), told: await ask(`${url}/notes/${id}`) }),
      ({ told }) => told.json.version === version + 1,
    );
    expect(await gone).toBe('gone');
    await watching;
    system.labs.splice(system.labs.indexOf(dying), 1);
    return last.asked - committed;
  }

  it('is killed between its commit and its drop leaves nothing old behind', async () => {
    for (const id of farOr(['dead-1', 'dead-2', 'dead-3'], ['dead-1'])) expect(await lagAfterDeath(id)).toBeLessThan(OLD_MS);
    expect(
      await eventually(
        () => system.database.rows('SELECT id FROM cache_drops'),
        (rows) => rows.length === 0,
      ),
    ).toEqual([]);
  });

  it('is killed so while Redis is frozen leaves nothing old in Redis, either', async () => {
    const dying = await system.spawn();
    const id = 'dead-frozen';
    const version = await system.edit(id, dying.url);
    await ask(`${dying.url}/notes/${id}`);
    system.redis.freeze();
    await ask(`${dying.url}/notes/${id}?die=1`, { method: 'POST' }).catch(() => undefined);
    system.labs.splice(system.labs.indexOf(dying), 1);
    await pause(OLD_MS);
    system.redis.thaw();
    for (let n = 0; n < 100; n += 1) {
      for (const url of system.urls()) expect((await ask(`${url}/notes/${id}`)).json.version).toBe(version + 1);
      await pause(20);
    }
  });

  it('stood still does not go on with what it knew before', async () => {
    const [here, there] = system.labs;
    for (let round = 0; round < 3; round += 1) {
      const id = `still-${round}`;
      await system.edit(id, here!.url);
      await ask(`${there!.url}/notes/${id}`);
      there!.process.kill('SIGSTOP');
      const version = await system.edit(id, here!.url);
      await pause(OLD_MS);
      const asked = ask(`${there!.url}/notes/${id}`);
      await pause(100);
      there!.process.kill('SIGCONT');
      expect((await asked).json.version).toBe(version);
    }
  });

  it('loses the connection by which it looks takes another', async () => {
    await system.database.rows(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mutirao-cache' AND datname = current_database()`,
    );
    await surviving(() => pause(500));
  });

  it('is told to stop does so in time, though Redis is frozen', async () => {
    const lab = await system.spawn();
    system.redis.freeze();
    const began = performance.now();
    const code = await lab.end('SIGTERM');
    system.redis.thaw();
    system.labs.splice(system.labs.indexOf(lab), 1);
    expect(code).toBe(0);
    expect(performance.now() - began).toBeLessThan(3_000 + SLACK_MS);
    await system.up();
  });
});
