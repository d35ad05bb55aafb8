import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG } from '../../src/config/config.module.js';
import type { Config } from '../../src/config/config.js';
import { REQUEST_BOUNDS_SECONDS } from '../../src/http/requests.js';
import { newId } from '../../src/kernel/ids.js';
import { ruleNames, rules, type RuleName } from '../../src/ops/alerts/rules.js';
import type { Facts } from '../../src/ops/samples.js';
import { SamplesStore } from '../../src/ops/samples.store.js';
import { Watch } from '../../src/ops/watch.service.js';
import { eventually } from '../support/lab.js';
import { startOrigin, cutOff, type Origin } from '../support/origins.js';
import { codesOf, openPeople, type People, type Session } from '../support/people.js';
import { startSmtp } from '../support/smtp.js';

let slack: Origin;
let smtp: Awaited<ReturnType<typeof startSmtp>>;
let people: People;
let beside: People;
let admin: Session;
beforeAll(async () => {
  [slack, smtp] = await Promise.all([startOrigin('slack'), startSmtp()]);
  const env = {
    APP_ROLE: 'all',
    ALERT_SLACK_WEBHOOK: `http://127.0.0.1:${slack.port}/services/very-secret`,
    ALERT_EMAIL_TO: 'plantao@example.org',
    SMTP_URL: smtp.url,
  };
  people = await openPeople(env);
  beside = await openPeople(env, people);
  admin = await people.person({ role: 'admin' });
});
afterAll(async () => {
  await beside.close();
  await people.close();
  await Promise.all([slack.stop(), smtp.stop()]);
});
afterEach(async () => {
  slack.forget();
  await people.rows(`TRUNCATE alerts, alert_tellings, instance_samples`);
  await people.rows(`DELETE FROM outbox WHERE job LIKE 'alerts.%'`);
  smtp.received.length = 0;
});

interface Listed {
  items: { id: string; rule: string; status: string; value: number; instance: string | null; resolvedAt: string | null }[];
  total: number;
  nextCursor: string | null;
}
const list = async (query = '') =>
  (await people.send('GET', `/ops/alerts${query}`, undefined, admin.accessToken)).json as unknown as Listed;

/** What an instance that is not here told over the last minutes, every five seconds, up to now. */
async function told(memory: number, { seconds = 200, until = 0, instance = 'elsewhere:1' } = {}): Promise<void> {
  await people.rows(
    `INSERT INTO instance_samples (instance, at, busy_seconds, all_seconds, memory, requests, errors, durations, connections, facts)
    SELECT $1, now() - age * interval '1 second', (400 - age) * 0.1, 400 - age, $2, (400 - age) * 20, 0, array_fill(0::float8, ARRAY[$3::int]), 0.1, '{}'
    FROM generate_series($4::int, $5::int, 5) age`,
    [instance, memory, REQUEST_BOUNDS_SECONDS.length + 1, until, seconds],
  );
}
/** Both instances look at the same time. */
const look = () => Promise.all([people, beside].map(({ app }) => app.get(Watch).look(0)));
const slackTold = () => slack.heard.length;
const lettersTold = () => smtp.received.filter(({ to }) => to.includes('plantao@example.org')).length;

describe('The list of alerts', () => {
  it('is for admins alone, and refuses what it does not know', async () => {
    const donor = await people.person();
    expect(codesOf(await people.send('GET', '/ops/alerts'))).toEqual([401, 'unauthenticated']);
    expect(codesOf(await people.send('GET', '/ops/alerts', undefined, donor.accessToken))).toEqual([403, 'forbidden']);
    for (const query of ['?limit=0', '?status=maybe', '?page=1&cursor=x', '?cursor=forged'])
      expect((await people.send('GET', `/ops/alerts${query}`, undefined, admin.accessToken)).status).toBe(422);
  });

  it('shows firing and past ones, newest first, page by page', async () => {
    for (const [at, rule] of ruleNames.entries())
      await people.rows(
        `INSERT INTO alerts (id, rule, value, threshold, resolved_at) VALUES ($1, $2, 1, $3, CASE WHEN $4 THEN now() END)`,
        [newId(), rule, rules[rule].threshold, at < 3],
      );
    const all = await list();
    expect([all.total, all.items.map(({ rule }) => rule)]).toEqual([5, [...ruleNames].reverse()]);
    expect((await list('?status=firing')).items.map(({ status }) => status)).toEqual(['firing', 'firing']);
    expect((await list('?status=resolved')).total).toBe(3);
    const first = await list('?limit=3');
    const rest = await list(`?limit=3&cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items]).toEqual(all.items);
  });
});

describe('An alert', () => {
  it('is told once when it fires and once when it is over, however many instances see it', async () => {
    await told(0.97);
    for (let time = 0; time < 4; time += 1) await look();
    const firing = await list('?status=firing');
    expect(firing.items).toMatchObject([{ rule: 'memory', value: 0.97, instance: 'elsewhere:1', resolvedAt: null }]);
    await eventually(
      async () => [slackTold(), lettersTold()],
      ([chat, mail]) => chat === 1 && mail === 1,
    );
    const metrics = await people.ask('/metrics');
    expect(metrics.text).toContain('mutirao_alerts_firing{rule="memory"} 1');

    await people.rows(`DELETE FROM instance_samples WHERE instance = 'elsewhere:1'`);
    await told(0.4);
    for (let time = 0; time < 4; time += 1) await look();
    expect((await list()).items).toMatchObject([{ rule: 'memory', status: 'resolved', resolvedAt: expect.any(String) as string }]);
    await eventually(
      async () => [slackTold(), lettersTold()],
      ([chat, mail]) => chat === 2 && mail === 2,
    );
    expect(await people.rows(`SELECT count(*)::int AS n FROM alert_tellings WHERE state = 'sent'`)).toEqual([{ n: 2 }]);
    expect(JSON.stringify([people.lines, beside.lines])).not.toContain('very-secret');
  });

  it('may fire again after it was over', async () => {
    await told(0.97);
    await look();
    await people.rows('UPDATE alerts SET resolved_at = now()');
    await look();
    expect((await list()).items.map(({ status }) => status)).toEqual(['firing', 'resolved']);
  });

  it('neither fires nor is over because an instance is gone', async () => {
    await told(0.97, { until: 60 });
    await look();
    expect((await list()).total).toBe(0);
  });
});

describe('Slack', () => {
  const fire = async () => {
    await told(0.97);
    await look();
  };
  const stateOf = async () => (await people.rows<{ state: string }>('SELECT state FROM alert_tellings'))[0]?.state;

  it('that asks to come again is told later, and once', async () => {
    slack.behave((_request, response) => response.writeHead(slack.heard.length === 1 ? 503 : 200).end());
    await fire();
    await eventually(stateOf, (state) => state === 'sent');
    expect(slackTold()).toBe(2);
  });

  it('that refuses is not asked again', async () => {
    slack.behave((_request, response) => response.writeHead(404).end('no_service'));
    await fire();
    await eventually(stateOf, (state) => state === 'refused');
    expect(slackTold()).toBe(1);
  });

  it('that hangs up may have heard it: nothing is repeated', async () => {
    slack.behave(cutOff);
    await fire();
    await eventually(stateOf, (state) => state === 'unknown');
    const [dead] = await eventually(
      () =>
        people.rows<{ id: string; last_error: string }>(`SELECT id, last_error FROM outbox WHERE job = 'alerts.slack' AND state = 'dead'`),
      (found) => found.length === 1,
    );
    expect(dead?.last_error).not.toContain('very-secret');
    expect(slackTold()).toBe(1);
  });

  it('is not told again by whoever comes after one that died in the middle', async () => {
    slack.behave(() => undefined);
    await people.rows(`INSERT INTO queue_states (queue, paused) VALUES ('alerts', true) ON CONFLICT (queue) DO UPDATE SET paused = true`);
    await fire();
    // As a process leaves it that was killed while it waited for Slack.
    await people.rows(
      `INSERT INTO alert_tellings (job_id, alert_id, state) SELECT id, (payload->>'alertId')::uuid, 'sending' FROM outbox WHERE job = 'alerts.slack'`,
    );
    await people.rows(`UPDATE queue_states SET paused = false WHERE queue = 'alerts'`);
    await eventually(stateOf, (state) => state === 'unknown');
    expect(slackTold()).toBe(0);
  });
});

it('Connections are counted whoever holds them, by an ordinary role, too', async () => {
  const role = `ordinary_${newId().replaceAll('-', '')}`;
  await people.rows(`CREATE ROLE ${role}`);
  await people.rows(`GRANT SELECT, INSERT, DELETE ON instance_samples TO ${role}`);
  const config = people.app.get<Config>(CONFIG);
  // A pooler would not take the option.
  const url = new URL(String(config.DATABASE_DIRECT_URL ?? config.DATABASE_URL));
  url.searchParams.set('options', `-c role=${role}`);
  const store = new SamplesStore({ ...config, DATABASE_URL: url.href });
  const facts = (await people.app.get(SamplesStore).recent(60))[0]?.facts ?? ({} as Facts);
  await store.add({ busySeconds: 0, allSeconds: 1, memory: 0, requests: 0, errors: 0, durations: [], facts });
  await store.onApplicationShutdown();
  const [seen] = await people.rows<{ taken: number; all: number }>(
    `SELECT connections * (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int) AS taken,
      (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS all FROM instance_samples`,
  );
  await people.rows(`DROP OWNED BY ${role}`);
  await people.rows(`DROP ROLE ${role}`);
  // Its own has ended since.
  expect(Math.abs(seen!.taken - seen!.all)).toBeLessThanOrEqual(2);
  expect(seen!.all).toBeGreaterThan(5);
});

describe('Every rule', () => {
  const column: Record<RuleName, string> = {
    cpu: 'busy_seconds = (400 - extract(epoch FROM now() - at)) * 0.95',
    memory: 'memory = 0.95',
    database_connections: 'connections = 0.95',
    error_rate: 'errors = requests * 0.05',
    response_time: `durations = array_fill(0::float8, ARRAY[${REQUEST_BOUNDS_SECONDS.length}]) || requests`,
  };

  it.each(ruleNames)('%s is judged by what the database holds', async (rule) => {
    await told(0.3, { seconds: 395 });
    await people.rows(`UPDATE instance_samples SET ${column[rule]} WHERE instance = 'elsewhere:1'`);
    await people.app.get(Watch).look(0);
    expect((await list('?status=firing')).items.map((alert) => alert.rule)).toEqual([rule]);
  });
});
