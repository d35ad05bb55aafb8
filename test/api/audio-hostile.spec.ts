import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile, rm, mkdtemp } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kindOf } from '../../src/queues/audio/engine/kinds.js';
import { aboutSeconds } from '../../src/queues/audio/intake/length.js';
import { farOr } from '../support/drills.js';
import { encoded } from '../support/encoded.js';
import { engineOn } from '../support/engine.js';
import { speech, tones } from '../support/sounds.js';

const wave = speech(2, { channels: 1 });
let asked = 0;
let server: Server;
let elsewhere: string;
beforeAll(async () => {
  server = createServer((_request, response) => {
    asked += 1;
    response.end(wave);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}/voz.wav`;
});
afterAll(() => server.close());

/** The same movie, with a table that says where its sound lies, of the same length as the one that it has. */
async function movieThatLeadsTo(place: string): Promise<Buffer> {
  const movie = await encoded(wave, 'm4a');
  const at = movie.indexOf('dref') - 4;
  const entry = Buffer.concat([Buffer.alloc(4), Buffer.from('url '), Buffer.alloc(4), Buffer.from(`${place}\0`)]);
  entry.writeUInt32BE(entry.length, 0);
  const table = Buffer.concat([Buffer.alloc(4), Buffer.from('dref'), Buffer.alloc(4), Buffer.from([0, 0, 0, 1]), entry]);
  table.writeUInt32BE(table.length, 0);
  const grown = Buffer.concat([movie.subarray(0, at), table, movie.subarray(at + movie.readUInt32BE(at))]);
  // Whatever it is in has become longer.
  for (const name of ['dinf', 'minf', 'mdia', 'trak', 'moov']) {
    const box = grown.lastIndexOf(name, at) - 4;
    grown.writeUInt32BE(grown.readUInt32BE(box) + table.length - movie.readUInt32BE(at), box);
  }
  return grown;
}

it.each([
  ['another machine', () => elsewhere],
  ['a file of this machine', () => 'file:///etc/hostname'],
  ['a file beside it', () => 'voz.wav'],
])('a movie whose sound lies in %s is refused, and nobody is asked for it', async (_name, place) => {
  const { outcome, normalized } = await engineOn(await movieThatLeadsTo(place()));
  expect(outcome).toMatchObject({ kind: 'failed', fault: 'remote_reference' });
  expect(normalized).toBeUndefined();
  expect(asked).toBe(0);
});

it.each([
  ['a playlist', () => `#EXTM3U\n#EXTINF:1,\n${elsewhere}\n`],
  ['a list of files', () => `ffconcat version 1.0\nfile ${elsewhere}\nfile /etc/hostname\n`],
  ['a session', () => `v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n`],
  ['a manifest', () => `<?xml version="1.0"?><MPD><Period><AdaptationSet><BaseURL>${elsewhere}</BaseURL></AdaptationSet></Period></MPD>`],
])('%s is no recording, and stays none behind the head of one', async (_name, words) => {
  const text = Buffer.from(words());
  expect(kindOf(text)).toBeUndefined();
  for (const head of [
    wave.subarray(0, 44),
    Buffer.from('ID3\x04\0\0\0\0\0\0'),
    Buffer.from('OggS'),
    Buffer.from('fLaC'),
    Buffer.from('\0\0\0\x10ftypM4A \0\0\0\0'),
  ]) {
    const { outcome } = await engineOn(Buffer.concat([head, text]));
    // Behind a head of WAVE, whose samples are any bytes, a text is a crackle.
    expect(outcome.kind === 'failed' || (outcome.kind === 'done' && outcome.measures.durationSeconds < 0.1)).toBe(true);
  }
  expect(asked).toBe(0);
});

it('what lasts longer than it may is left in the middle, whatever it says of its length', async () => {
  const { outcome } = await engineOn(await encoded(tones([{ decibels: -20, seconds: 30 }]), 'mp3', 64_000), { mostSeconds: 10 });
  expect(outcome).toMatchObject({ kind: 'failed', fault: 'too_long' });
  const small = await encoded(tones([{ decibels: -120, seconds: 120 }], { channels: 1 }), 'flac');
  expect(small.length).toBeLessThan(100_000);
  expect((await engineOn(small, { mostSeconds: 60 })).outcome).toMatchObject({ kind: 'failed', fault: 'too_long' });
});

it('what has no sound, or sound that is not read here, is no recording', async () => {
  const eight = Buffer.from(wave);
  // A codec that nobody knows.
  eight.writeUInt16LE(0x0160, 20);
  expect((await engineOn(eight)).outcome).toMatchObject({ kind: 'failed', fault: 'not_audio' });
});

it.each([1, 10, 24, 999])('what has %i samples in a second is no recording, and fells no engine', async (hertz) => {
  const slow = Buffer.from(wave);
  slow.writeUInt32LE(hertz, 24);
  expect((await engineOn(slow)).outcome).toMatchObject({ kind: 'failed', fault: 'not_audio' });
});

it('whatever is cut off or changed, the engine ends in its time and says what it found', async () => {
  let seed = 7;
  const random = (most: number) => (seed = (seed * 16_807) % 2_147_483_647) % most;
  for (const name of ['mp3', 'm4a', 'opus', 'vorbis', 'flac', 'webm'] as const) {
    const whole = await encoded(wave, name);
    for (let turn = 0; turn < farOr(60, 2); turn += 1) {
      const harmed = Buffer.from(turn % 3 === 0 ? whole.subarray(0, 200 + random(whole.length - 200)) : whole);
      for (let many = 0; many < random(30); many += 1) harmed[16 + random(harmed.length - 16)] = random(256);
      if (!kindOf(harmed)) continue;
      const { outcome } = await engineOn(harmed);
      expect(['done', 'failed']).toContain(outcome.kind);
    }
  }
}, 600_000);

it('tells about how long each lasts without decoding it, and never stumbles over what it says', async () => {
  for (const name of ['mp3', 'm4a', 'opus', 'vorbis', 'flac'] as const) {
    const file = await encoded(speech(10, { channels: 1 }), name, 64_000);
    const ends = (bytes: Buffer) => ({ first: bytes.subarray(0, 65_536), last: bytes.subarray(-65_536) });
    const kind = kindOf(file)!;
    expect(Math.abs(aboutSeconds(kind, ends(file), file.length) - 10)).toBeLessThan(0.5);
    for (let at = 4; at < 400; at += 3) {
      const harmed = Buffer.from(file);
      harmed.fill(0xff, at, at + 12);
      const short = file.subarray(0, at);
      for (const bytes of [harmed, short]) expect(aboutSeconds(kind, ends(bytes), bytes.length)).toBeGreaterThan(0);
    }
  }
  expect(aboutSeconds(kindOf(wave)!, { first: wave, last: wave }, wave.length)).toBeCloseTo(2, 1);
});

it('says of no short file that it lasts for hours, whatever that says', async () => {
  const flac = await encoded(speech(1, { channels: 1 }), 'flac');
  // As many samples as its head has room for.
  flac.fill(0xff, 22, 26);
  flac[21] = flac[21]! | 15;
  const told = aboutSeconds(kindOf(flac)!, { first: flac, last: flac }, flac.length);
  expect(told).toBeLessThanOrEqual(flac.length / 100);
});

it('an engine that takes more memory than it may is ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-memory-'));
  const main = join(folder, 'main.mjs');
  await writeFile(
    main,
    `process.send({ kind: 'ready' }); const all = []; process.once('message', () => setInterval(() => all.length < 30 ? all.push(Buffer.alloc(32 << 20, 1)) : process.send({ kind: 'full' }, () => process.exit(0)), 100));`,
  );
  const { outcome } = await engineOn(wave, { main });
  await rm(folder, { recursive: true });
  expect(outcome).toEqual({ kind: 'crashed', words: 'it took too much memory' });
});

it('the engine knows nothing of the process that asked for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-env-'));
  const main = join(folder, 'main.mjs');
  await writeFile(
    main,
    `import { readFileSync } from 'node:fs'; process.send({ kind: 'ready' }); process.once('message', () => process.send({ kind: 'failed', fault: 'damaged', words: JSON.stringify([Object.keys(process.env), process.report.getReport().userLimits, readFileSync('/proc/self/oom_score_adj', 'utf8')]) }, () => process.exit(0)));`,
  );
  const { outcome } = await engineOn(wave, { main, mostSeconds: 36_000 });
  await rm(folder, { recursive: true });
  const [names, limits, odds] = JSON.parse((outcome as { words: string }).words) as [
    string[],
    Record<string, { soft: string | number }>,
    string,
  ];
  // Where memory is short for all, it goes first; and where recordings may last for ten hours, it has its time.
  expect(odds.trim()).toBe('1000');
  expect(Number(limits.cpu_time_seconds!.soft)).toBe(9_000);
  expect(
    names.filter((name) => !['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'PWD', 'OLDPWD', '_', 'SHLVL'].includes(name)),
  ).toEqual([]);
  expect(Number(limits.core_file_size_blocks!.soft)).toBe(0);
  expect(Number((limits.data_seg_size_kbytes ?? limits.data_seg_size_bytes)!.soft)).toBeLessThanOrEqual(4_096 * 1_024 * 1_024);
  expect(Number(limits.open_files!.soft)).toBe(64);
});

it('requests come before the engine, before any of its threads, and from its first moment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-nice-'));
  const main = join(folder, 'main.mjs');
  await writeFile(
    main,
    `import { readdirSync } from 'node:fs'; import { getPriority } from 'node:os'; const nice = readdirSync('/proc/self/task').map((id) => getPriority(Number(id)));
     process.send({ kind: 'ready' }); process.once('message', () => process.send({ kind: 'failed', fault: 'damaged', words: JSON.stringify(nice) }, () => process.exit(0)));`,
  );
  const { outcome } = await engineOn(wave, { main });
  await rm(folder, { recursive: true });
  const nice = JSON.parse((outcome as { words: string }).words) as number[];
  expect(nice.length).toBeGreaterThan(1);
  expect(Math.min(...nice)).toBeGreaterThanOrEqual(Math.min(19, getPriority() + 10));
});

it.each([
  ['who is kept from the processor by others stands not still', 'setTimeout(say, 2_500)', 'failed'],
  ['who spins without a word does', 'for (;;);', 'crashed'],
  ['who never comes back does, at last', 'setInterval(() => undefined, 1_000)', 'crashed'],
])('%s', async (_name, work, kind) => {
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-still-'));
  const main = join(folder, 'main.mjs');
  await writeFile(
    main,
    `const say = () => process.send({ kind: 'failed', fault: 'damaged', words: '' }, () => process.exit(0)); process.send({ kind: 'ready' }); process.once('message', () => { ${work} });`,
  );
  const { outcome } = await engineOn(wave, { main, silentMs: 1_000 });
  await rm(folder, { recursive: true });
  expect(outcome).toMatchObject(kind === 'crashed' ? { kind, words: 'it stood still' } : { kind });
});

it('that the engine does not even start is no recording’s fault', async () => {
  const { outcome } = await engineOn(wave, { main: '/nowhere/engine.main.js' });
  expect(outcome).toMatchObject({ kind: 'absent' });
  expect((outcome as { words: string }).words).toContain('Cannot find module');
});
