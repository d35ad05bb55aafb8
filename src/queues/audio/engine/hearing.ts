import type { Frame } from 'node-av/lib';
import { Graph } from './graph.js';
import type { Kind } from './kinds.js';
import { decode, type Bounds, type Source } from './reading.js';
import { Unfit, type Loudness } from './words.js';

/** In which silence and peaks are told apart. */
const BLOCK_SECONDS = 0.02;
const BLOCKS_AT_ONCE = 5;
const SILENT = 10 ** (-50 / 20);
/** So many samples at the top, one like the other, were cut off there. */
const CLIPPED_RUN = 4;
const TOP = 0.999;
const SAME = 1e-5;
const QUIETEST_LUFS = -69.9;
const QUIETEST_DBTP = -120;

export interface Heard extends Loudness {
  source: Source;
  durationSeconds: number;
  clippedSamples: number;
  silenceRatio: number;
  peaks: readonly number[];
  /** As one channel, and how the channels come together in it. */
  mono: Loudness & { mix: string };
}

const WHOLE = 'ebur128@whole';
const MONO = 'ebur128@mono';
const METER = 'peak=true:framelog=quiet';
const SUM = '0.5*c0+0.5*c1';

/** Measures all that can be heard of a recording, as it is and as one channel. */
export async function hear(path: string, kind: Kind, bounds: Bounds): Promise<Heard> {
  let samples = 0;
  const blocks = new Blocks();
  const graph = new Graph(
    ({ sampleRate, channels }) => {
      const size = Math.round(sampleRate * BLOCK_SECONDS) * BLOCKS_AT_ONCE;
      const whole = `${WHOLE}=${METER},aformat=sample_fmts=dbl,asetnsamples=n=${size}:p=0`;
      if (channels === 1) return whole;
      return `asplit=2[a][b];[b]${mixOf(channels)},${MONO}=${METER},anullsink;[a]${whole}`;
    },
    (frame) => {
      samples += frame.nbSamples;
      blocks.add(frame);
    },
  );
  const source = await decode(path, kind, bounds, (frame) => graph.put(frame));
  const [whole, mono] = graph.end(() => [figuresOf(graph, WHOLE), figuresOf(graph, blocks.channels === 1 ? WHOLE : MONO)]);
  if (blocks.noNumbers()) throw new Unfit('damaged', 'Its samples are no numbers.');
  return {
    ...whole,
    source,
    durationSeconds: samples / blocks.sampleRate,
    ...blocks.found(),
    mono: { ...mono, mix: blocks.cancels() ? 'pan=mono|c0=c0' : mixOf(blocks.channels) },
  };
}

/** Only how loud it is. */
export async function meter(path: string, kind: Kind, bounds: Bounds): Promise<Loudness & { durationSeconds: number }> {
  let seconds = 0;
  const graph = new Graph(
    () => `${WHOLE}=${METER}`,
    ({ nbSamples, sampleRate }) => (seconds += nbSamples / sampleRate),
  );
  await decode(path, kind, bounds, (frame) => graph.put(frame));
  return { ...graph.end(() => figuresOf(graph, WHOLE)), durationSeconds: seconds };
}

const mixOf = (channels: number): string =>
  channels === 1 ? 'anull' : channels === 2 ? `pan=mono|c0=${SUM}` : 'aformat=channel_layouts=mono';

function figuresOf(graph: Graph, filter: string): Loudness {
  const [lufs, peak] = [graph.figure(filter, 'integrated'), graph.figure(filter, 'true_peak')];
  const isHeard = lufs > QUIETEST_LUFS;
  return {
    integratedLufs: isHeard ? lufs : null,
    truePeakDbtp: peak > QUIETEST_DBTP ? peak : null,
    loudnessRangeLu: isHeard ? graph.figure(filter, 'range') : null,
  };
}

/** Samples, looked at one by one. */
class Blocks {
  sampleRate = 0;
  channels = 0;
  private readonly peaks: number[] = [];
  private silent = 0;
  private broken = 0;
  private clipped = 0;
  private together = 0;
  private apart = 0;
  private last = new Float64Array();
  private runs = new Int32Array();

  add({ data, nbSamples, sampleRate, channels }: Frame): void {
    const bytes = data![0]!;
    const values = new Float64Array(bytes.buffer, bytes.byteOffset, nbSamples * channels);
    if (this.channels === 0) {
      Object.assign(this, { sampleRate, channels, last: new Float64Array(channels), runs: new Int32Array(channels) });
    }
    const size = Math.round(sampleRate * BLOCK_SECONDS) * channels;
    for (let at = 0; at < values.length; at += size) this.block(values.subarray(at, at + size));
    if (channels === 2) this.compare(values);
  }

  found() {
    return {
      peaks: this.peaks,
      clippedSamples: this.clipped,
      silenceRatio: this.peaks.length === 0 ? 0 : this.silent / this.peaks.length,
    };
  }

  /** Whether most of it is nothing that can be heard: formats that write fractions may hold what is infinite, or none at all. */
  noNumbers(): boolean {
    return this.broken > this.peaks.length / 2;
  }

  /** Whether hardly anything is left of two channels that come together. */
  cancels(): boolean {
    return this.channels === 2 && this.together < this.apart / 100;
  }

  private block(values: Float64Array): void {
    const { channels, last, runs } = this;
    let peak = 0;
    let energy = 0;
    for (let at = 0; at < values.length; at += channels)
      for (let channel = 0; channel < channels; channel += 1) {
        const value = values[at + channel]!;
        const size = value < 0 ? -value : value;
        energy += value * value;
        if (size > peak) peak = size;
        if (size >= TOP) this.top(channel, value);
        else if (runs[channel] !== 0) runs[channel] = 0;
        last[channel] = value;
      }
    this.peaks.push(peak);
    if (!Number.isFinite(energy)) this.broken += 1;
    if (Math.sqrt(energy / values.length) < SILENT) this.silent += 1;
  }

  private top(channel: number, value: number): void {
    const isSame = Math.abs(value - this.last[channel]!) < SAME;
    const run = isSame ? this.runs[channel]! + 1 : 1;
    this.runs[channel] = run;
    if (run === CLIPPED_RUN) this.clipped += CLIPPED_RUN;
    else if (run > CLIPPED_RUN) this.clipped += 1;
  }

  private compare(values: Float64Array): void {
    let [together, apart] = [0, 0];
    for (let at = 0; at < values.length; at += 2) {
      const [left, right] = [values[at]!, values[at + 1]!];
      together += (left + right) * (left + right);
      apart += left * left + right * right;
    }
    this.together += together;
    this.apart += apart;
  }
}
