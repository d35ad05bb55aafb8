import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { expect } from 'vitest';
import { eventually } from './lab.js';
import { PASSWORD, type People, type Session } from './people.js';

export const BOARD = '/admin/queues';
export const LOGIN = `${BOARD}/login`;
export const LOGOUT = `${BOARD}/logout`;
export const API = `${BOARD}/api/queues`;
export const page = { accept: 'text/html' };
export const here = { 'sec-fetch-site': 'same-origin' };

interface Asked {
  method?: string;
  headers?: OutgoingHttpHeaders;
  form?: Record<string, string>;
  at?: People;
}

/** Letter by letter as it is given, which `fetch` would not do. */
function askAt(at: People, path: string, { method = 'GET', headers = {}, form }: Omit<Asked, 'at'> = {}) {
  const { hostname, port } = new URL(at.url);
  const type = form && { 'content-type': 'application/x-www-form-urlencoded' };
  return new Promise<{ status: number; headers: IncomingHttpHeaders; text: string; code: unknown }>((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers: { ...type, ...headers }, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part: Buffer) => (text += part.toString()));
      answer.on('end', () => {
        const isProblem = answer.headers['content-type']?.startsWith('application/problem+json') && text !== '';
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text,
          code: isProblem ? (JSON.parse(text) as { code: unknown }).code : undefined,
        });
      });
    });
    asked.on('error', reject);
    asked.end(form && new URLSearchParams(form).toString());
  });
}

export const cookieIn = (headers: IncomingHttpHeaders) => (headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]).join('; ');
export const bearer = ({ accessToken }: Session) => ({ authorization: `Bearer ${accessToken}` });

/** A browser, or what says it is one. */
export function boardOf(people: People) {
  const ask = (path: string, { at = people, ...asked }: Asked = {}) => askAt(at, path, asked);
  const signIn = (email: string, more: Asked & { password?: string; otp?: string } = {}) => {
    const { password = PASSWORD, otp = '', ...asked } = more;
    return ask(LOGIN, { method: 'POST', headers: here, form: { email, password, otp }, ...asked });
  };
  const cookieOf = async ({ user }: Session) => {
    const answer = await eventually(
      () => signIn(user.email),
      ({ status }) => status !== 503,
    );
    expect([answer.status, answer.headers.location]).toEqual([303, BOARD]);
    return cookieIn(answer.headers);
  };
  return { ask, signIn, cookieOf };
}
