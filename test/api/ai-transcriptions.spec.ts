import { toFile } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/lab.js';
import type { Manner } from '../support/openai.js';
import { wordsOf } from '../support/openai.answers.js';
import { CHAT, EARS, refusedWith, type Passing } from '../support/passing.js';
import type { Session } from '../support/people.js';
import { aForm, NOTE, openRecordings, part, type Recordings } from '../support/recordings.js';

let passing: Passing;
let hear: Recordings['hear'];
let hearRaw: Recordings['hearRaw'];
let asked: Recordings['asked'];
let begin: Recordings['begin'];
beforeAll(async () => {
  ({ passing, hear, hearRaw, asked, begin } = await openRecordings());
});
afterEach(() => passing.rest());
afterAll(() => passing.close());

const chunk = (name: string, bytes: Buffer) => {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes, Buffer.alloc(bytes.length % 2)]);
};

/** A WAVE file of 360,000 bytes, and what stands before its format. */
const wave = ({ samples, bits, bytes }: Record<'samples' | 'bits' | 'bytes', number>, before = Buffer.alloc(0)) => {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(samples, 4);
  format.writeUInt32LE(bytes, 8);
  format.writeUInt16LE(bits, 14);
  const head = Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE'), before, chunk('fmt ', format)]);
  return Buffer.concat([head, chunk('data', Buffer.alloc(360_000 - head.length - 8 + before.length))]);
};

/** Begins one of which nothing comes. */
const silent = (of: Session) => begin('Transfer-Encoding: chunked\r\n', of);

/** Comes again where too many of his are on their way. */
const insist = (of: Session) =>
  eventually(
    () => hear(aForm(), { token: of.accessToken }),
    ({ headers }) => headers.get('retry-after') !== '1',
  );

describe('A recording', () => {
  it('is heard for any client of OpenAI, whichever way it wants the words', async () => {
    const openai = passing.client(await passing.person());
    const file = () => toFile(NOTE, 'recado.ogg', { type: 'audio/ogg' });
    const whole = await openai.audio.transcriptions.create({
      ...{ model: EARS, file: await file(), language: 'pt', prompt: 'Mutirão', temperature: 0.2 },
      timestamp_granularities: ['word', 'segment'],
      response_format: 'verbose_json',
    });
    expect(whole).toMatchObject({ text: wordsOf(12), language: 'portuguese', segments: [], usage: { type: 'duration', seconds: 10 } });
    expect(passing.provider.ledger.at(-1)?.body).toEqual({
      ...{ model: EARS, language: 'pt', prompt: 'Mutirão', temperature: '0.2', response_format: 'verbose_json' },
      'timestamp_granularities[]': ['word', 'segment'],
      file: { name: 'recado.ogg', type: 'audio/ogg', bytes: NOTE.length },
    });
    expect((await openai.audio.transcriptions.create({ model: EARS, file: await file() })).text).toBe(wordsOf(12));
    const vtt = await openai.audio.transcriptions.create({ model: EARS, file: await file(), response_format: 'vtt' });
    expect(vtt).toMatch(/^WEBVTT\n/);
    const poor = passing.client(await passing.person(20));
    await expect(poor.audio.transcriptions.create({ model: EARS, file: await file() })).rejects.toMatchObject({
      ...{ status: 429, code: 'token_budget_exhausted' },
    });
  });

  it.each([
    ['text', 'text/plain; charset=utf-8', /^cada /],
    ['srt', 'text/plain; charset=utf-8', /^1\n00:00/],
    ['vtt', 'text/vtt; charset=utf-8', /^WEBVTT/],
    ['json', 'application/json; charset=utf-8', /^\{"text":"cada /],
  ])('is answered as %s', async (format, type, text) => {
    const answer = await hear(aForm({ response_format: format }));
    expect(answer.headers.get('content-type')).toBe(type);
    expect(await answer.text()).toMatch(text);
  });

  it.each([
    ['bare', 'name=model', "name=file; filename=recado.ogg; filename*=utf-8''recado.ogg"],
    ['in other cases and blanks', 'NAME = "model"', 'filename="recado.ogg";name="file"'],
    ['with signs and paths', 'name="model"', 'name="file"; filename="C:\\\\tmp\\\\\\"recado\\".ogg"'],
    ['without its own', 'name="model"', 'name="file"'],
  ])('comes with names %s', async (_, model, file) => {
    const head = '--b\r\ncontent-type: audio/ogg\r\nCONTENT-DISPOSITION:form-data; ';
    const answer = await hearRaw(`preamble\r\n${part(model, EARS)}${head}${file}\r\n\r\nOggS\r\n--b--\r\nepilogue`);
    expect(answer.status).toBe(200);
    const { body } = passing.provider.ledger.at(-1)!;
    expect(body).toMatchObject({ model: EARS, file: { type: 'audio/ogg', bytes: 4 } });
    expect((body.file as { name: string }).name).toMatch(/(^|_)recado_*\.ogg$|^recording$/);
  });

  it('arrives byte by byte as it was, though it looks like a form', async () => {
    const bytes = Buffer.from(`\r\n--c\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n\0\xff`, 'latin1');
    const form = Buffer.concat([
      Buffer.from(`${part('name="model"', EARS)}--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`),
      bytes,
      Buffer.from('\r\n--b--'),
    ]);
    expect((await hearRaw(form)).status).toBe(200);
    const { body } = passing.provider.ledger.at(-1)!;
    expect(Object.keys(body).sort()).toEqual(['file', 'model']);
    expect(body.file).toMatchObject({ bytes: bytes.length });
  });

  it('is asked of the model of the configuration where none is named', async () => {
    const form = aForm();
    form.delete('model');
    expect((await hear(form)).status).toBe(200);
    expect(passing.provider.ledger.at(-1)?.model).toBe(CHAT);
  });

  it('is charged by its seconds or its tokens, and that is told', async () => {
    const eva = await passing.person();
    const answer = await hear(aForm(), { token: eva.accessToken });
    expect(answer.headers.get('x-token-budget-used')).toBe('100');
    expect(await passing.usage(eva)).toMatchObject({ used: 100, reserved: 0, costUsd: (100 * 10) / 1e6 });
    passing.provider.behave({ usage: { type: 'tokens', input_tokens: 60, output_tokens: 12 } }, { times: 1 });
    await hear(aForm(), { token: eva.accessToken });
    expect(await passing.usage(eva)).toMatchObject({ used: 172, costUsd: (160 * 10 + 12 * 30) / 1e6 });
  });

  it.each<[Manner, number]>([
    ['no usage', 274],
    [{ usage: { type: 'duration', seconds: 1e300 } }, 274],
    [{ usage: { type: 'duration', seconds: -1 } }, 274],
    [{ usage: { type: 'tokens', input_tokens: 1e9, output_tokens: 1e9 } }, 274],
    [{ usage: { type: 'bananas' } }, 274],
    [{ usage: { type: 'duration', seconds: 0.31 } }, 4],
    [{ usage: { type: 'duration', seconds: 0 } }, 0],
  ])('is never charged more than was kept back, though the provider says %j', async (how, used) => {
    const eva = await passing.person(274);
    passing.provider.behave(how, { times: 1 });
    expect((await hear(aForm({ prompt: 'Olá, é' }, NOTE.subarray(0, 19_950)), { token: eva.accessToken })).status).toBe(200);
    expect(await passing.usage(eva)).toMatchObject({ used, reserved: 0 });
  });

  it.each<[Record<string, string | string[]>, number]>([
    [{ instructions: 'a'.repeat(60_000) }, 60_000],
    [{ hints: ['é', 'ab'], prompt: 'Olá', toString: 'a' }, 9],
    [{ language: 'pt', response_format: 'json', temperature: '0.2', stream: 'false', user: 'u'.repeat(200) }, 0],
  ])('has what else is said kept back for by its bytes', async (fields, beside) => {
    const most = 267 + beside;
    const eva = await passing.person(most - 1);
    expect(await refusedWith(await hear(aForm(fields), { token: eva.accessToken }))).toEqual([429, 'token_budget_exhausted']);
    const ivo = await passing.person(most);
    passing.provider.behave('no usage', { times: 1 });
    expect((await hear(aForm(fields), { token: ivo.accessToken })).status).toBe(200);
    expect(await passing.usage(ivo)).toMatchObject({ used: most, reserved: 0 });
  });

  it.each(['language', 'temperature', 'user'])('has a short %s', async (name) => {
    expect(await refusedWith(await hear(aForm({ [name]: 'a'.repeat(201) })))).toEqual([422, 'validation_failed']);
  });

  it.each<[string, Buffer, number]>([
    ['of few bytes a second', wave({ samples: 100, bits: 8, bytes: 100 }), 36_000],
    ['that claims many', wave({ samples: 100, bits: 8, bytes: 96_000 }), 36_000],
    ['that claims many samples', wave({ samples: 48_000, bits: 16, bytes: 100 }), 36_000],
    ['with other things before', wave({ samples: 100, bits: 8, bytes: 100 }, chunk('LIST', Buffer.from('odd'))), 36_002],
    ['of speech', wave({ samples: 16_000, bits: 16, bytes: 32_000 }), 4_800],
    ['that tells no rate', wave({ samples: 0, bits: 8, bytes: 100 }), 3_600_000],
    ['that is another one', Buffer.from(wave({ samples: 100, bits: 8, bytes: 100 }).fill('RIFX', 0, 4)), 3_600_000],
    ['that ends before it tells', Buffer.from('RIFF\0\0\0\0WAVEfmt \u0010\0\0\0'), 200],
    ['that goes on beyond its end', Buffer.from('RIFF\0\0\0\0WAVELIST\u007f\u007f\u007f\u007f' + 'a'.repeat(30)), 500],
  ])('as WAVE %s has its length kept back', async (_, bytes, most) => {
    const eva = await passing.person(most - 1);
    expect(await refusedWith(await hear(aForm({}, bytes), { token: eva.accessToken }))).toEqual([429, 'token_budget_exhausted']);
    const ivo = await passing.person(most);
    passing.provider.behave('no usage', { times: 1 });
    expect((await hear(aForm({}, bytes), { token: ivo.accessToken })).status).toBe(200);
    expect(await passing.usage(ivo)).toMatchObject({ used: most, reserved: 0 });
  });

  it('is sent again where the provider could not just now', async () => {
    const seen = asked();
    passing.provider.behave({ status: 503, retryAfter: '0' }, { times: 2 });
    expect((await hear(aForm())).status).toBe(200);
    const tries = passing.provider.ledger.slice(seen).map(({ body }) => body);
    expect(tries).toHaveLength(3);
    expect(new Set(tries.map((body) => JSON.stringify(body))).size).toBe(1);
  });

  it('that nobody waits for any more ends at the provider within a second, and costs what was kept back', async () => {
    const eva = await passing.person();
    passing.provider.behave('silent', { times: 1 });
    const leaving = new AbortController();
    const seen = asked();
    const work = hear(aForm(), { token: eva.accessToken, signal: leaving.signal }).catch(() => undefined);
    await passing.provider.until(() => asked() > seen);
    const entry = passing.provider.ledger.at(-1)!;
    const left = performance.now();
    leaving.abort();
    await work;
    await passing.provider.until(() => entry.goneAt !== undefined);
    expect(entry.goneAt! - left).toBeLessThan(1_000);
    expect(await passing.settled(eva)).toMatchObject({ used: 267 });
  });

  it('that is broken off on its way costs nothing and asks nobody', async () => {
    const eva = await passing.person();
    const seen = asked();
    const socket = begin('Content-Length: 9000\r\nExpect: 100-continue\r\n', eva);
    socket.write('--b\r\n');
    // What it was promised by then.
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect((await hear(aForm(), { token: eva.accessToken })).status).toBe(200);
    expect(asked()).toBe(seen + 1);
    expect(await passing.usage(eva)).toMatchObject({ used: 100, reserved: 0 });
  });

  it('of which no part comes keeps only who sends it from sending more than three', async () => {
    const eva = await passing.person();
    const others = await Promise.all(Array.from({ length: 4 }, () => passing.person()));
    const sockets = others.flatMap((one) => [one, one, one].map(silent));
    const own = [eva, eva, eva].map(silent);
    const refused = await eventually(
      () => hear(aForm(), { token: eva.accessToken }),
      ({ status }) => status === 429,
    );
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({
      error: { code: 'too_many_streams', message: expect.stringContaining('At most 3') as string },
    });
    expect((await hear(aForm())).status).toBe(200);
    own[0]!.destroy();
    expect((await insist(eva)).status).toBe(200);
    for (const socket of [...sockets, ...own]) socket.destroy();
  });

  it('is one of twenty at once, of which no more are heard than fit', async () => {
    const eva = await passing.person(1_335);
    const seen = asked();
    passing.provider.behave({ usage: { type: 'duration', seconds: 26.7 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => insist(eva)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(asked()).toBe(seen + 5);
    expect(await passing.usage(eva)).toMatchObject({ used: 1_335, reserved: 0 });
  });

  it.each([
    ['of twenty-five megabytes but a byte', 26_214_399, 200],
    ['of twenty-five megabytes', 26_214_400, 200],
    ['of a byte more', 26_214_401, 413],
  ])('%s is answered as it should be', async (_, bytes, status) => {
    const rich = await passing.person(1_000_000);
    const seen = asked();
    const form = aForm({ prompt: 'a'.repeat(64_000) }, Buffer.alloc(bytes, 1));
    // So much at once may well keep the process behind, which is not what is looked at.
    const answer = await eventually(
      () => hear(form, { token: rich.accessToken }),
      (one) => one.status !== 503,
    );
    expect(answer.status).toBe(status);
    if (status === 200) expect(passing.provider.ledger.at(-1)?.body.file).toMatchObject({ bytes });
    else expect(asked()).toBe(seen);
  });

  it('is refused with which the process would hold too much', async () => {
    const rich = await Promise.all(Array.from({ length: 4 }, () => passing.person(1_000_000)));
    const sockets = rich.flatMap((one) => [one, one, one].map(silent));
    const said = sockets.map((socket) => new Promise<string>((resolve) => socket.once('data', (piece) => resolve(String(piece)))));
    const piece = Buffer.concat([Buffer.from('1600000\r\n'), Buffer.alloc(0x1600000, 1), Buffer.from('\r\n')]);
    for (const socket of sockets) socket.write(piece);
    expect(await Promise.race(said)).toMatch(/^HTTP\/1\.1 503 .*Too many recordings/s);
    for (const socket of sockets) socket.destroy();
  });
});
