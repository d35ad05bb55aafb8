import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, type Manner } from '../support/openai.js';
import { CHAT, EARS, refusedWith, type Passing } from '../support/passing.js';
import { openPeople, type Session } from '../support/people.js';
import { aForm, NOTE, openRecordings, part, PATH, type Recordings } from '../support/recordings.js';

let passing: Passing;
let ana: Session;
let hear: Recordings['hear'];
let hearRaw: Recordings['hearRaw'];
let asked: Recordings['asked'];
let answerTo: Recordings['answerTo'];
beforeAll(async () => {
  ({ passing, ana, hear, hearRaw, asked, answerTo } = await openRecordings());
});
afterEach(() => passing.rest());
afterAll(() => passing.close());

describe('Refused before anything of it is read', () => {
  it('is who has not signed in, or whose key is for something else', async () => {
    expect(await refusedWith(await hear(aForm(), { token: '' }))).toEqual([401, 'unauthenticated']);
    expect(await refusedWith(await hear(aForm(), { token: await passing.keyOf(ana, ['read', 'write']) }))).toEqual([403, 'forbidden']);
    expect((await hear(aForm(), { token: await passing.keyOf(ana, ['ai']) })).status).toBe(200);
    expect(await answerTo('Content-Length: 20000000\r\n')).toMatch(/^HTTP\/1\.1 401 .*"unauthenticated"/s);
  });

  it('is what is longer than twenty-five megabytes', async () => {
    expect(await answerTo('Content-Length: 26296321\r\n', ana)).toMatch(/^HTTP\/1\.1 413 .*"too_large"/s);
  });

  it('is what cannot fit into what is left, and the provider is not asked', async () => {
    const poor = await passing.person(1_000);
    const seen = asked();
    const said = await answerTo('Content-Length: 200000\r\n', poor);
    expect(said).toMatch(/^HTTP\/1\.1 429 .*x-token-budget-remaining: 1000\r\n.*x-should-retry: false\r\n.*"token_budget_exhausted"/is);
    const spent = await passing.person(0);
    expect(await refusedWith(await hear(aForm(), { token: spent.accessToken }))).toEqual([429, 'token_budget_exhausted']);
    expect(asked()).toBe(seen);
  });

  it('is whoever asks too often', async () => {
    const own = await openPeople(
      { RATE_LIMIT_PER_MINUTE: '1', AI_BASE_URL: passing.provider.url, AI_API_KEY: KEY, AI_MODEL: CHAT },
      passing.people,
    );
    const once = async () => {
      const init = { method: 'POST', headers: { authorization: `Bearer ${ana.accessToken}` }, body: aForm({ model: CHAT }) };
      return (await own.ask(PATH, init)).status;
    };
    expect([await once(), await once()]).toEqual([200, 429]);
    await own.close();
  });

  it.each([
    ['application/json', '{}'],
    ['application/x-www-form-urlencoded', 'model=a'],
    ['audio/ogg', 'OggS'],
    ['multipart/mixed; boundary=b', '--b--'],
  ])('is %s', async (type, body) => {
    expect(await refusedWith(await hearRaw(body, type))).toEqual([415, 'unsupported_type']);
  });

  it('is what has neither a type nor a body, and a form on any other route', async () => {
    expect(await refusedWith(await hear(undefined))).toEqual([415, 'unsupported_type']);
    const answer = await fetch(`${passing.people.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ana.accessToken}` },
      body: aForm(),
    });
    expect(await refusedWith(answer)).toEqual([415, 'unsupported_type']);
  });
});

describe('Refused once it is read', () => {
  it('is what goes on beyond twenty-five megabytes without having said so', async () => {
    const rich = await passing.person(10_000_000);
    const piece = new Uint8Array(1024 * 1024);
    let left = 27;
    const body = new ReadableStream({ pull: (stream) => ((left -= 1) < 0 ? stream.close() : stream.enqueue(piece)) });
    const init = { token: rich.accessToken, headers: { 'content-type': 'multipart/form-data; boundary=b' }, duplex: 'half' as const };
    expect(await refusedWith(await hear(body, init))).toEqual([413, 'too_large']);
    expect(await passing.settled(rich)).toMatchObject({ used: 0 });
  });

  it.each([
    ['nothing', ''],
    ['no boundary in it', 'hello'],
    ['more before it than anyone has', `${'a'.repeat(5_000)}${part('name="model"', 'a')}--b--`],
    ['only its end', '--b--', 422],
    ['no end', part('name="model"', 'a')],
    ['a part cut off', '--b\r\nContent-Disposition: form-data; name="model"\r\n'],
    ['a part without a head', '--b\r\n\r\n\r\n--b--'],
    ['a part without a name', `${part('filename="a"', 'a')}--b--`],
    ['a part that is no field', '--b\r\nContent-Disposition: attachment; name="a"\r\n\r\na\r\n--b--'],
    ['a name of other signs', `${part('name="a\\"b"', 'a')}--b--`],
    ['a head without end', `--b\r\nX: ${'a'.repeat(10_000)}\r\n\r\n\r\n--b--`],
    ['a file under another name', `${part('name="model"; filename="a"', 'a')}--b--`],
    ['two files', `${part('name="file"; filename="a"', 'a').repeat(2)}--b--`],
    ['more parts than anyone has', `${part('name="a"', 'a').repeat(65)}--b--`, 413],
    ['more text than anyone has', `${part('name="prompt"', 'a'.repeat(70_000))}--b--`, 413],
  ])('is a form with %s', async (_, body, status = 400) => {
    const seen = asked();
    const answer = await hearRaw(body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(asked()).toBe(seen);
  });

  it('is a form of a type that names no boundary, or of another text than UTF-8', async () => {
    expect(await refusedWith(await hearRaw('--b--', 'multipart/form-data'))).toEqual([400, 'bad_request']);
    const latin = Buffer.from(`${part('name="prompt"', 'ação')}--b--`, 'latin1');
    expect(await refusedWith(await hearRaw(latin))).toEqual([400, 'bad_request']);
  });

  it('is a form of a hundred thousand parts, or of one endless line, within a moment', async () => {
    for (const body of [part('name=a', '').repeat(100_000), `--b\r\nX:${'a'.repeat(5_000_000)}`]) {
      const began = performance.now();
      expect((await hearRaw(body)).status).toBeGreaterThanOrEqual(400);
      expect(performance.now() - began).toBeLessThan(1_500);
    }
  });

  it.each([
    ['without a recording', {}, null, 'file'],
    ['with an empty recording', {}, Buffer.alloc(0), 'file'],
    ['for a stream', { stream: 'true' }, NOTE, 'stream'],
    ['of another format', { response_format: 'mp3' }, NOTE, 'response_format'],
    ['with two models', { model: [EARS, 'another'] }, NOTE, 'model'],
    ['with two prompts', { prompt: ['a', 'b'] }, NOTE, 'prompt'],
  ])('is a request %s', async (_, fields, bytes, param) => {
    const answer = await hear(aForm(fields, bytes));
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ error: { code: 'validation_failed', param } });
  });

  it('is a model without a price', async () => {
    expect(await refusedWith(await hear(aForm({ model: 'ears-of-nobody' })))).toEqual([422, 'model_not_priced']);
  });

  it('is what the provider refuses, in its own words, at no cost', async () => {
    const eva = await passing.person();
    passing.provider.behave({ status: 400, error: { message: 'Invalid file format.' } }, { times: 1 });
    const answer = await hear(aForm(), { token: eva.accessToken });
    expect([answer.status, await answer.json()]).toMatchObject([
      422,
      { error: { code: 'ai_request_refused', message: 'Invalid file format.' } },
    ]);
    expect(await passing.usage(eva)).toMatchObject({ used: 0, reserved: 0 });
  });

  it.each<[Manner, string]>([
    ['html', 'json'],
    ['html', 'text'],
    ['plain', 'json'],
    ['truncated', 'verbose_json'],
    [{ says: { text: 7 } }, 'json'],
    [{ status: 403 }, 'vtt'],
  ])('is everybody while the provider answers by %j instead of %s, at no cost', async (how, format) => {
    const eva = await passing.person();
    passing.provider.behave(how, { times: 1 });
    expect(await refusedWith(await hear(aForm({ response_format: format }), { token: eva.accessToken }))).toEqual([503, 'dependency_down']);
    expect(await passing.usage(eva)).toMatchObject({ used: 0, reserved: 0 });
    await hear(aForm());
  });

  it('is an answer longer than any, which was made and is paid for', async () => {
    const eva = await passing.person();
    passing.provider.behave('flood', { times: 1 });
    expect(await refusedWith(await hear(aForm(), { token: eva.accessToken }))).toEqual([422, 'ai_request_refused']);
    expect(await passing.settled(eva)).toMatchObject({ used: 267 });
  });

  it('is everybody where there is no provider', async () => {
    const own = await openPeople({ AI_BASE_URL: undefined }, passing.people);
    const form = aForm({ model: 'mutirao-offline' });
    const answer = await own.ask(PATH, { method: 'POST', headers: { authorization: `Bearer ${ana.accessToken}` }, body: form });
    await own.close();
    expect(answer).toMatchObject({ status: 422, json: { error: { code: 'ai_request_refused' } } });
    expect(answer.text).toContain('hears nothing');
  });

  it('is what comes too slowly', async () => {
    const server = passing.people.app.getHttpServer();
    const { requestTimeout, headersTimeout } = server;
    Object.assign(server, { requestTimeout: 500, headersTimeout: 500 });
    const said = await answerTo('Content-Length: 5000\r\n', ana, '--b\r\n');
    Object.assign(server, { requestTimeout, headersTimeout });
    expect(said).toMatch(/^HTTP\/1\.1 408 .*"error":\{.*"code":"too_slow"/s);
  });
});
