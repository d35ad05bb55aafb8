import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEmail, openPeople, PASSWORD, type People } from '../support/people.js';

const OWN = 'the sentence of an operator';
let people: People;
beforeAll(async () => {
  people = await openPeople();
});
afterAll(() => people.close());

const admins = (at: People) => at.rows<{ id: string; email: string }>(`SELECT id, email FROM users WHERE role = 'admin' ORDER BY id`);
const embedded = { MUTIRAO_ENGINES: 'postgres,redis' };
const told = ({ lines }: People) => lines.filter(({ msg }) => msg === 'admin created');

describe('The first admin', () => {
  it('is nobody where nobody is named and the database is not our own', async () => {
    expect(await admins(people)).toEqual([]);
  });

  it('is made at start as configured, once however many start and however often', async () => {
    const email = newEmail();
    const env = { ADMIN_EMAIL: email.toUpperCase(), ADMIN_PASSWORD: OWN };
    const started = await Promise.all(Array.from({ length: 4 }, () => openPeople(env, people)));
    started.push(await openPeople(env, people));
    const [admin] = await admins(people);
    expect(await admins(people)).toEqual([{ id: admin?.id, email }]);
    const { status, json } = await people.signIn(email, OWN);
    expect([status, (json.user as { role: string }).role]).toEqual([200, 'admin']);
    expect(started.flatMap(told)).toEqual([]);
    expect(JSON.stringify(started.map(({ lines }) => lines))).not.toContain(OWN);
    expect(await people.rows('SELECT action, actor_id FROM audit_log WHERE subject_id = $1', [admin?.id])).toEqual([
      { action: 'first_admin', actor_id: null },
    ]);
    await Promise.all(started.map(({ close }) => close()));
  });

  it('is who has the address already, and keeps the password', async () => {
    const ana = await people.person();
    expect((await people.send('GET', '/users/me', undefined, ana.accessToken)).json.role).toBe('donor');
    const later = await openPeople({ ADMIN_EMAIL: ana.user.email, ADMIN_PASSWORD: OWN }, people);
    expect((await later.signIn(ana.user.email, OWN)).status).toBe(401);
    expect((await later.signIn(ana.user.email, PASSWORD)).json.user).toMatchObject({ id: ana.user.id, role: 'admin' });
    expect((await later.send('GET', '/users/me', undefined, ana.accessToken)).json.role).toBe('admin');
    await later.close();
  });

  it('is told once, with a password of its own, where the database is our own', async () => {
    const alone = await openPeople(embedded);
    const [line] = told(alone);
    expect(told(alone)).toHaveLength(1);
    expect(line).toMatchObject({
      msg: 'admin created',
      email: 'admin@mutirao.local',
      password: expect.stringMatching(/^[\w-]{24}$/) as string,
    });
    expect((await alone.signIn(String(line?.email), String(line?.password))).json.user).toMatchObject({ role: 'admin' });
    const again = await openPeople(embedded, alone);
    expect(told(again)).toEqual([]);
    expect(await admins(alone)).toHaveLength(1);
    await again.close();
    await alone.close();
  });
});
