import type { Environment } from '../../src/config/config.js';
import type { Role } from '../../src/http/caller.js';
import { newId } from '../../src/kernel/ids.js';
import { openApp } from './app.js';
import { freshDatabase, freshRedis } from './fresh.js';
import { eventually, labEnvironment } from './lab.js';
import { requestOf } from './request.js';

export const PASSWORD = 'uma frase bem longa e minha';

export interface Session {
  accessToken: string;
  refreshToken: string;
  user: { id: string; email: string; name: string; role: Role; plan: string };
}

type Install = Awaited<ReturnType<typeof installation>>;

async function installation() {
  const [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  return { database, redis };
}

export const newEmail = () => `p${newId().replaceAll('-', '')}@example.org`;

/** The application without limits for sign-ins, or one more process of it. */
export async function openPeople(env: Environment = {}, beside?: { install: Install }) {
  const install = beside?.install ?? (await installation());
  const { database, redis } = install;
  const base = labEnvironment(database.url, redis.url, { APP_ROLE: 'api', RATE_LIMIT_AUTH_PER_MINUTE: '0', ...env });
  const { app, url, lines, ask } = await openApp(base);
  const send = (method: string, path: string, body?: unknown, token?: string, headers: Record<string, string> = {}) =>
    ask(`/api/v1${path}`, requestOf(method, body, token, headers));
  const signIn = (email: string, password = PASSWORD, more: object = {}) => send('POST', '/auth/login', { email, password, ...more });
  return {
    install,
    url,
    lines,
    ask,
    send,
    signIn,
    app,
    rows: database.rows,
    /** Somebody who has just registered; a role is given as an admin's change would leave it. */
    person: async ({ role, email = newEmail() }: { role?: Role; email?: string } = {}): Promise<Session> => {
      const register = () => send('POST', '/auth/register', { email, password: PASSWORD, name: 'Ana Souza' });
      // On a busy machine a process may well be behind.
      const { status, text } = await eventually(register, ({ json }) => json.code !== 'overloaded');
      if (status !== 201) throw new Error(`not registered: ${text}`);
      const session = JSON.parse(text) as Session;
      if (role) await database.rows('UPDATE users SET role = $2 WHERE id = $1', [session.user.id, role]);
      return session;
    },
    close: async () => {
      const closed = app.close();
      // A client may have opened one on which it never asked anything.
      app.getHttpServer().closeAllConnections();
      await closed;
      if (!beside) await Promise.all([database.drop(), redis.stop()]);
    },
  };
}

/** Two processes of one installation, somebody who may rule, and short words for asking as somebody. */
export async function openPair() {
  const people = await openPeople();
  const beside = await openPeople({}, people);
  return {
    people,
    beside,
    admin: await people.person({ role: 'admin' }),
    as: (session: Session | undefined, method: string, path: string, body?: unknown, at = people) =>
      at.send(method, path, body, session?.accessToken),
    close: async () => {
      await beside.close();
      await people.close();
    },
  };
}

export const codesOf = ({ status, json }: Awaited<ReturnType<People['send']>>) => [status, json.code];

export type People = Awaited<ReturnType<typeof openPeople>>;
