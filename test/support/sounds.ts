/** One after the other: how loud, as dBFS, and for how long; all channels alike, or each its own. */
export interface Tone {
  decibels: number | readonly number[];
  seconds: number;
  hertz?: number;
  /** In parts of a whole turn. */
  phase?: number;
  /** Comes and goes slowly: a sine that begins at once has a higher peak there than it has itself. */
  fadeSeconds?: number;
}

interface How {
  sampleRate?: number;
  channels?: number;
  /** Where the channels belong, as WAVE has it. */
  mask?: number;
}

const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const FLOAT_TAIL = Buffer.from('000000001000800000aa00389b71', 'hex');

/** A WAVE file of floats. */
export function waveOf(samples: Float32Array, { sampleRate = 48_000, channels = 2, mask = 0 }: How = {}): Buffer {
  const data = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const format = Buffer.alloc(mask === 0 ? 16 : 40);
  format.writeUInt16LE(mask === 0 ? FLOAT : EXTENSIBLE, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRate, 4);
  format.writeUInt32LE(sampleRate * channels * 4, 8);
  format.writeUInt16LE(channels * 4, 12);
  format.writeUInt16LE(32, 14);
  if (mask !== 0) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(32, 18);
    format.writeUInt32LE(mask, 20);
    format.writeUInt16LE(FLOAT, 24);
    FLOAT_TAIL.copy(format, 26);
  }
  const chunk = (name: string, bytes: Buffer) => {
    const head = Buffer.alloc(8, name);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const body = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), chunk('data', data)]);
  return chunk('RIFF', body);
}

/** Sines, without a break between them. */
export function tones(parts: readonly Tone[], how: How = {}): Buffer {
  const { sampleRate = 48_000, channels = 2 } = how;
  const total = parts.reduce((sum, { seconds }) => sum + Math.round(seconds * sampleRate), 0);
  const samples = new Float32Array(total * channels);
  let at = 0;
  for (const { decibels, seconds, hertz = 1_000, phase = 0, fadeSeconds = 0 } of parts) {
    const begin = at;
    const sizes = Array.from(
      { length: channels },
      (_, channel) => 10 ** ((typeof decibels === 'number' ? decibels : decibels[channel]!) / 20),
    );
    for (let end = at + Math.round(seconds * sampleRate); at < end; at += 1) {
      const near = fadeSeconds === 0 ? 1 : Math.min(1, Math.min(at - begin, end - at) / sampleRate / fadeSeconds);
      const value = Math.sin(2 * Math.PI * ((hertz * at) / sampleRate + phase)) * Math.sin((Math.PI / 2) * near) ** 2;
      for (let channel = 0; channel < channels; channel += 1) samples[at * channels + channel] = value * sizes[channel]!;
    }
  }
  return waveOf(samples, how);
}

/** Something like speech: syllables of a voice with its overtones, and pauses. The same each time. */
export function speech(seconds: number, { channels = 2, sampleRate = 48_000, loud = 0.3 }: How & { loud?: number } = {}): Buffer {
  const samples = new Float32Array(Math.round(seconds * sampleRate) * channels);
  let seed = 1;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  let noise = 0;
  for (let at = 0; at * channels < samples.length; at += 1) {
    const time = at / sampleRate;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 3.1 * time)) ** 2 * (time % 4 < 3.2 ? 1 : 0);
    const pitch = 130 + 25 * Math.sin(2 * Math.PI * 0.7 * time);
    let voice = 0;
    for (let tone = 1; tone <= 12; tone += 1) voice += Math.sin(2 * Math.PI * pitch * tone * time) / tone ** 1.3;
    noise = 0.7 * noise + 0.3 * (random() * 2 - 1);
    const value = loud * syllable * (0.35 * voice + 0.25 * noise) + 0.0005 * (random() * 2 - 1);
    for (let channel = 0; channel < channels; channel += 1) samples[at * channels + channel] = value * (channel === 0 ? 1 : 0.9);
  }
  return waveOf(samples, { channels, sampleRate });
}
