import { constants } from 'node:os';
import { AV_OPT_TYPE_DOUBLE } from 'node-av/constants';
import {
  avChannelLayoutDefault,
  avChannelLayoutDescribe,
  avGetSampleFmtName,
  FFmpegError,
  Filter,
  FilterGraph,
  FilterInOut,
  Frame,
  PosixError,
  type FilterContext,
} from 'node-av/lib';

import { FULL, NoRoom } from './words.js';

/** The letters of its name, as FFmpeg has it. */
const END_OF_FILE = -0x20464f45;
const NOT_NOW = FFmpegError.AVERROR(PosixError.EAGAIN);

const NO_ROOM: readonly number[] = FULL.map((code) => -constants.errno[code]);

/** FFmpeg tells faults as negative numbers. */
export function right(answer: number, what: string): number {
  if (NO_ROOM.includes(answer)) throw new NoRoom(what);
  if (answer < 0) throw new Error(`${what}: ${FFmpegError.strerror(answer)}`);
  return answer;
}

export const isDry = (answer: number): boolean => answer === NOT_NOW || answer === END_OF_FILE;

/** Of a file that does not say where its channels belong, the usual place of each. */
const layoutOf = ({ channelLayout, channels }: Frame): string => {
  const layout = channelLayout.order === 0 ? avChannelLayoutDefault(channels) : channelLayout;
  return avChannelLayoutDescribe(layout) ?? `${channels}c`;
};

const shapeOf = (frame: Frame) =>
  `sample_rate=${frame.sampleRate}:sample_fmt=${avGetSampleFmtName(frame.format as never)}:channel_layout=${layoutOf(frame)}`;

/** Filters between one way in and one way out, made for the first frame that comes. */
export class Graph {
  private readonly graph = new FilterGraph();
  private readonly made = new Frame();
  private way: { into: FilterContext; out: FilterContext } | undefined;
  private shape = '';
  private before: Graph | undefined;

  constructor(
    private readonly filters: (first: Frame) => string,
    private readonly take: (frame: Frame) => void,
  ) {
    this.made.alloc();
  }

  put(frame: Frame): void {
    this.way ??= this.open(frame);
    const shape = shapeOf(frame);
    if (shape === this.shape) this.push(frame);
    else this.converting(shape).put(frame);
  }

  /** What is still in it comes out; then what its filters found can be read for the last time. */
  end<T>(look: () => T): T {
    this.before?.end(() => undefined);
    if (this.way) this.push(null);
    const found = look();
    this.graph.free();
    this.made.free();
    return found;
  }

  /** What a filter found, by the name that it was given. */
  figure(filter: string, name: string): number {
    const found = this.graph.getFilter(filter)?.getOption(name, AV_OPT_TYPE_DOUBLE);
    return typeof found === 'number' ? found : Number.NaN;
  }

  private push(frame: Frame | null): void {
    const { into, out } = this.way!;
    right(into.buffersrcAddFrameSync(frame), 'filter');
    for (;;) {
      const answer = out.buffersinkGetFrameSync(this.made);
      if (isDry(answer)) return;
      right(answer, 'filter');
      this.take(this.made);
      this.made.unref();
    }
  }

  /** A recording that changes its shape on the way goes on in that with which it began. */
  private converting(shape: string): Graph {
    if (this.before?.shape !== shape) {
      this.before?.end(() => undefined);
      const [rate, format, layout] = this.shape.split(':').map((part) => part.slice(part.indexOf('=') + 1));
      const wanted = `aformat=sample_fmts=${format}:sample_rates=${rate}:channel_layouts=${layout}`;
      this.before = new Graph(
        () => wanted,
        (frame) => this.push(frame),
      );
    }
    return this.before;
  }

  private open(frame: Frame) {
    this.shape = shapeOf(frame);
    this.graph.alloc();
    this.graph.nbThreads = 1;
    const into = this.graph.createFilter(Filter.getByName('abuffer')!, 'in', `time_base=1/${frame.sampleRate}:${this.shape}`);
    const out = this.graph.createFilter(Filter.getByName('abuffersink')!, 'out', null);
    if (!into || !out) throw new Error('filter: no way in or out');
    const outputs = FilterInOut.createList([{ name: 'in', filterCtx: into, padIdx: 0 }]);
    const inputs = FilterInOut.createList([{ name: 'out', filterCtx: out, padIdx: 0 }]);
    right(this.graph.parsePtr(this.filters(frame), inputs, outputs), 'filters');
    right(this.graph.configSync(), 'filters');
    return { into, out };
  }
}
