import { connect } from 'node:net';
import { EARS, openPassing } from './passing.js';
import type { Session } from './people.js';

export const PATH = '/v1/audio/transcriptions';
/** Ten seconds of a voice note. */
export const NOTE = Buffer.alloc(20_000, 7);

export const aForm = (fields: Record<string, string | string[]> = {}, bytes: Buffer | null = NOTE) => {
  const form = new FormData();
  for (const [name, values] of Object.entries({ model: EARS, ...fields })) for (const value of [values].flat()) form.append(name, value);
  if (bytes) form.append('file', new File([new Uint8Array(bytes)], 'recado "1".ogg', { type: 'audio/ogg; codecs=opus' }));
  return form;
};

/** A field of a form as somebody writes it who keeps to nothing. */
export const part = (head: string, value: string) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`;

/** The application, somebody, and ways to have a recording heard. */
export async function openRecordings() {
  const passing = await openPassing();
  const ana = await passing.person();
  const { hostname, port } = new URL(passing.people.url);
  const hear = (body: RequestInit['body'], { token = ana.accessToken, ...more }: RequestInit & { token?: string } = {}) =>
    fetch(`${passing.people.url}${PATH}`, {
      method: 'POST',
      ...more,
      headers: { ...(more.headers as Record<string, string>), ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
      body,
    });
  /** The head of a request, with its connection. */
  const begin = (headers: string, of?: Session) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    const bearer = of ? `Authorization: Bearer ${of.accessToken}\r\n` : '';
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n${bearer}${headers}\r\n`);
    return socket;
  };
  return {
    ...{ passing, ana, hear, begin },
    hearRaw: (body: string | Buffer, type = 'multipart/form-data; boundary=b') =>
      hear(typeof body === 'string' ? body : new Uint8Array(body), { headers: { 'content-type': type } }),
    asked: () => passing.provider.ledger.length,
    /** What is answered to no more than the head of a request. */
    answerTo: async (headers: string, of?: Session, sent = ''): Promise<string> => {
      const socket = begin(headers, of);
      socket.write(sent);
      let said = '';
      await new Promise<void>((resolve) => {
        socket.setEncoding('latin1').on('close', resolve);
        socket.on('data', (piece: string) => {
          said += piece;
          if (/\r\n\r\n\{.*\}$/s.test(said)) resolve();
        });
      });
      socket.destroy();
      return said;
    },
  };
}

export type Recordings = Awaited<ReturnType<typeof openRecordings>>;
