import { hash } from '@node-rs/argon2';
import pg from 'pg';
import { newId } from '../../src/kernel/ids.js';
import { pause } from '../../src/kernel/waiting.js';
import type { Crowd } from './against.js';
import { Connection } from './connection.js';
import { spread } from './givers.js';

export const PASSWORD = 'uma frase bem longa e minha';
const again = /\r\nretry-after: (\d+)\r\n/i;

/** People who can sign in; their addresses. */
export async function addPeople(databaseUrl: string, many: number): Promise<string[]> {
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  const kept = await hash(PASSWORD, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  const people = Array.from({ length: many }, () => newId());
  const emails = people.map((id) => `${id}@example.org`);
  await db.query(
    `INSERT INTO users (id, email, name, password_hash) SELECT id, email, 'Ana Souza', $3 FROM unnest($1::uuid[], $2::text[]) AS p (id, email)`,
    [people, emails, kept],
  );
  await db.end();
  return emails;
}

export async function signIn(url: string, email: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ email, password: PASSWORD }) });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

/** One after the other at the door. Whoever is told to come again does so when he was told. */
export const signingIn =
  (url: string, path: string, emails: readonly string[]): Crowd =>
  async (amount, many) => {
    const connections = await Promise.all(Array.from({ length: many }, () => Connection.to(url)));
    return async () => {
      await spread(connections, amount, async (connection, n) => {
        const body = JSON.stringify({ email: emails[n % emails.length], password: PASSWORD });
        for (;;) {
          const answer = await connection.ask('POST', path, '', body);
          if (answer.status === 200 && answer.body.includes('accessToken')) return;
          const seconds = again.exec(answer.head)?.[1];
          if (answer.status !== 503 || seconds === undefined) throw new Error(`${path} was answered with ${answer.status}`);
          await pause(Number(seconds) * 1_000);
        }
      });
      for (const connection of connections) connection.close();
    };
  };
