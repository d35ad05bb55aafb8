import { expect, it } from 'vitest';
import { encoded } from '../support/encoded.js';
import { engineOn, measuresOf } from '../support/engine.js';
import { speech, tones, waveOf, type Tone } from '../support/sounds.js';

const tone = (decibels: number, seconds: number): Tone => ({ decibels, seconds });
const measured = async (wave: Buffer) => measuresOf((await engineOn(wave)).outcome);

// EBU Tech 3341, the minimum requirements of a meter: integrated loudness.
it.each([
  ['1', [tone(-23, 20)], -23],
  ['2', [tone(-33, 20)], -33],
  ['3', [tone(-36, 10), tone(-23, 60), tone(-36, 10)], -23],
  ['4', [tone(-72, 10), tone(-36, 10), tone(-23, 60), tone(-36, 10), tone(-72, 10)], -23],
  ['5', [tone(-26, 20), tone(-20, 20.1), tone(-26, 20)], -23],
])('signal %s of EBU Tech 3341 is as loud as it says', async (_name, parts, lufs) => {
  const { integratedLufs } = await measured(tones(parts));
  expect(Math.abs(integratedLufs! - lufs)).toBeLessThanOrEqual(0.1);
});

it('signal 6 of EBU Tech 3341, of five channels, is as loud as it says', async () => {
  const five = tones([{ decibels: [-28, -28, -24, -30, -30], seconds: 20 }], { channels: 5, mask: 0x37 });
  const { integratedLufs, format } = await measured(five);
  expect(Math.abs(integratedLufs! + 23)).toBeLessThanOrEqual(0.1);
  expect(format.channels).toBe(5);
});

it.each([
  ['15', 4, 0, -6.02, -6],
  ['16', 4, 1 / 8, -6.02, -6],
  ['17', 6, 1 / 6, -6.02, -6],
  ['18', 8, 3 / 16, -6.02, -6],
  ['19', 4, 1 / 8, 2.98, 3],
])('signal %s of EBU Tech 3341 has the peak between its samples that it says', async (_name, part, phase, decibels, dbtp) => {
  const { truePeakDbtp } = await measured(tones([{ decibels, seconds: 5, hertz: 48_000 / part, phase, fadeSeconds: 0.1 }]));
  expect(Math.abs(truePeakDbtp! - dbtp)).toBeLessThanOrEqual(0.2);
});

it.each([
  ['1', [tone(-20, 20), tone(-30, 20)], 10],
  ['2', [tone(-20, 20), tone(-15, 20)], 5],
  ['3', [tone(-40, 20), tone(-20, 20)], 20],
  ['4', [tone(-50, 20), tone(-35, 20), tone(-20, 20), tone(-35, 20), tone(-50, 20)], 15],
])('signal %s of EBU Tech 3342 has the range that it says', async (_name, parts, range) => {
  const { loudnessRangeLu } = await measured(tones(parts));
  expect(Math.abs(loudnessRangeLu! - range)).toBeLessThanOrEqual(0.1);
});

it('tells silence, and what was cut off at the top', async () => {
  const half = await measured(tones([tone(-20, 3), { decibels: -120, seconds: 1 }]));
  expect(half.silenceRatio).toBeCloseTo(0.25, 1);
  expect(half.clipping).toBe(false);
  const loud = new Float32Array(48_000).map((_, at) => Math.max(-1, Math.min(1, 3 * Math.sin((2 * Math.PI * 440 * at) / 48_000))));
  const cut = await measured(waveOf(loud, { channels: 1 }));
  expect(cut.clipping).toBe(true);
  expect(cut.clippedSamples).toBeGreaterThan(10_000);
});

it('of silence, and of what is too short, it says no number', async () => {
  const silent = await measured(waveOf(new Float32Array(48_000 * 4)));
  expect(silent).toMatchObject({ integratedLufs: null, truePeakDbtp: null, loudnessRangeLu: null, silenceRatio: 1 });
  expect(silent.normalized).toMatchObject({ integratedLufs: null, gainDb: 0 });
  const short = await measured(tones([tone(-20, 0.1)]));
  expect(short).toMatchObject({ integratedLufs: null, durationSeconds: 0.1 });
});

it.each([
  ['mp3', 'mp3', 'mp3'],
  ['m4a', 'm4a', 'aac'],
  ['opus', 'ogg', 'opus'],
  ['vorbis', 'ogg', 'vorbis'],
  ['flac', 'flac', 'flac'],
  ['webm', 'webm', 'opus'],
] as const)('%s is measured like the WAVE file it was made of', async (name, container, codec) => {
  const wave = speech(6, { channels: 1 });
  const [made, original] = [await measured(await encoded(wave, name)), await measured(wave)];
  expect(made.format).toMatchObject({ container, codec, sampleRate: 48_000, channels: 1 });
  expect(Math.abs(made.durationSeconds - 6)).toBeLessThan(0.1);
  expect(Math.abs(made.integratedLufs! - original.integratedLufs!)).toBeLessThan(0.3);
});

const clicks = new Float32Array(48_000 * 6).map((_, at) => (at % 24_000 < 40 ? 0.9 : 0.002 * Math.sin(at / 20)));
const huge = new Float32Array(48_000 * 4).map((_, at) => 1e30 * Math.sin(at / 10));
const against = tones([{ decibels: -20, seconds: 4 }]);
for (let at = against.indexOf('data') + 12; at + 4 <= against.length; at += 8) against.writeFloatLE(-against.readFloatLE(at), at);

it.each([
  ['quiet speech', speech(12, { loud: 0.01 })],
  ['loud speech', speech(12, { loud: 1.5 })],
  ['one channel at 8 kHz', speech(8, { channels: 1, sampleRate: 8_000 })],
  ['a sine at the very top', tones([tone(0, 5)])],
  ['hardly anything but clicks', waveOf(clicks, { channels: 1 })],
  ['two channels that cancel each other', against],
  ['a sine far above the top', waveOf(huge, { channels: 1 })],
])('%s comes out at −16 LUFS and at most −1 dBTP', async (_name, wave) => {
  const { outcome, normalized, waveform } = await engineOn(wave);
  const made = measuresOf(outcome);
  // Measured again by itself, from the file that people get.
  const again = await measured(normalized!);
  expect(again.format).toMatchObject({ container: 'ogg', codec: 'opus', channels: 1, sampleRate: 48_000 });
  expect(Math.abs(again.integratedLufs! + 16)).toBeLessThanOrEqual(0.5);
  expect(again.truePeakDbtp!).toBeLessThanOrEqual(-1);
  expect(again.integratedLufs).toBeCloseTo(made.normalized.integratedLufs!, 2);
  expect(waveform).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]*>.*<\/svg>\n$/s);
});

it('a lone click lifts no hiss behind it up to where voices are', async () => {
  let seed = 1;
  const hiss = () => ((seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647 - 0.5) * 2e-5;
  const click = new Float32Array(48_000 * 10).map((_, at) => (at === 96_000 ? 1 : hiss()));
  const { normalized } = await engineOn(waveOf(click, { channels: 1 }));
  expect((await measured(normalized!)).silenceRatio).toBeGreaterThan(0.9);
});

it.each([
  ['nothing but what is no number', Number.NaN],
  ['nothing but what is infinite', Infinity],
])('%s is no sound', async (_name, value) => {
  const { outcome } = await engineOn(waveOf(new Float32Array(48_000).fill(value), { channels: 1 }));
  expect(outcome).toMatchObject({ kind: 'failed', fault: 'damaged' });
});
