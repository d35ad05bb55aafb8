import { AVFMT_FLAG_BITEXACT } from 'node-av/constants';
import { Codec, CodecContext, FormatContext, Packet, type Frame } from 'node-av/lib';
import { Graph, isDry, right } from './graph.js';
import { meter, type Heard } from './hearing.js';
import { kindNamed, type Kind } from './kinds.js';
import { decode, type Bounds } from './reading.js';
import type { Measures } from './words.js';

const TARGET_LUFS = -16;
const NEAR_LU = 0.4;
const MOST_DBTP = -1;
/** Opus moves the peaks of what it codes by about so much. */
const ROOM_DB = 0.4;
const MOST_ROUNDS = 6;
/** More than what was measured asks for is given only so far: a lone click never gets loud, but what hisses behind it would. */
const MOST_MORE_DB = 30;
/** Louder is not told apart: it is brought down by its peak. */
const LOUDEST_LUFS = 9.9;
const OPUS_HERTZ = 48_000;
/** Where the peaks between samples can be seen by what holds them down. */
const FINE_HERTZ = 192_000;
const OPUS_SAMPLES = 960;
const BEST_BITS = 64_000;
const LEAST_BITS = 16_000;
/** What WhatsApp takes, and some room. */
const MOST_FILE_BITS = 15.5 * 1024 * 1024 * 8;

interface Level {
  gainDb: number;
  /** Above this nothing passes; nothing is held down where it is not given. */
  ceilingDb?: number;
}

/**
 * The same at the loudness of the web, as one channel of Opus in Ogg, which is what WhatsApp takes. It is measured
 * again as it will be heard, and made anew until it is right.
 */
export async function level(path: string, kind: Kind, heard: Heard, to: string, bounds: Bounds): Promise<Measures['normalized']> {
  const bitRate = Math.round(Math.min(BEST_BITS, Math.max(LEAST_BITS, MOST_FILE_BITS / Math.max(1, heard.durationSeconds))));
  let want = firstLevel(heard);
  const mostDb = want.gainDb + MOST_MORE_DB;
  for (let round = 1; ; round += 1) {
    await write(path, kind, to, { mix: heard.mono.mix, bitRate, ...want }, bounds);
    const made = await meter(to, kindNamed('ogg'), bounds);
    const next = nextLevel(want, made, mostDb);
    if (!next || round === MOST_ROUNDS) return { ...made, gainDb: want.gainDb, limited: want.ceilingDb !== undefined, bitRate };
    want = next;
  }
}

function firstLevel({ mono: { integratedLufs, truePeakDbtp } }: Heard): Level {
  // Of silence nothing can be made.
  if (integratedLufs === null) return { gainDb: 0 };
  const gainDb = integratedLufs > LOUDEST_LUFS ? -(truePeakDbtp ?? 0) : TARGET_LUFS - integratedLufs;
  return (truePeakDbtp ?? 0) + gainDb > MOST_DBTP - ROOM_DB ? { gainDb, ceilingDb: MOST_DBTP - ROOM_DB } : { gainDb };
}

/** What is still wrong is made good by as much; nothing where it is right. */
function nextLevel(
  { gainDb, ceilingDb }: Level,
  made: Pick<Measures['normalized'], 'integratedLufs' | 'truePeakDbtp'>,
  mostDb: number,
): Level | undefined {
  const { integratedLufs, truePeakDbtp } = made;
  if (integratedLufs === null) return undefined;
  const offLu = TARGET_LUFS - integratedLufs;
  const over = Math.max(0, (truePeakDbtp ?? MOST_DBTP) - MOST_DBTP);
  const gain = Math.min(mostDb, gainDb + offLu);
  const isNear = Math.abs(offLu) <= NEAR_LU || (gain === gainDb && offLu > 0);
  if (isNear && over === 0) return undefined;
  const lowered = over > 0 ? (ceilingDb ?? MOST_DBTP) - over - ROOM_DB / 4 : ceilingDb;
  return lowered === undefined ? { gainDb: gain } : { gainDb: gain, ceilingDb: lowered };
}

const decibels = (value: number): string => (10 ** (value / 20)).toFixed(6);

function filtersOf({ mix, gainDb, ceilingDb }: Level & { mix: string }): string {
  const held =
    ceilingDb === undefined
      ? `aresample=${OPUS_HERTZ}`
      : `aresample=${FINE_HERTZ},alimiter=level=0:latency=1:attack=5:release=50:limit=${decibels(ceilingDb)},aresample=${OPUS_HERTZ}`;
  return `${mix},volume=${gainDb.toFixed(4)}dB:precision=double,${held},aformat=sample_fmts=flt:channel_layouts=mono,asetnsamples=n=${OPUS_SAMPLES}:p=0`;
}

async function write(path: string, kind: Kind, to: string, how: Level & { mix: string; bitRate: number }, bounds: Bounds): Promise<void> {
  const opus = new OpusFile(to, how.bitRate);
  try {
    const graph = new Graph(
      () => filtersOf(how),
      (frame) => opus.put(frame),
    );
    await decode(path, kind, bounds, (frame) => graph.put(frame));
    graph.end(() => undefined);
    opus.end();
  } finally {
    opus.close();
  }
}

/** Nothing of the recording but its sound is in it: no names, places or pictures. */
class OpusFile {
  private readonly output = new FormatContext();
  private readonly encoder = new CodecContext();
  private readonly packet = new Packet();
  private samples = 0n;
  private isBegun = false;

  constructor(
    private readonly path: string,
    private readonly bitRate: number,
  ) {
    this.packet.alloc();
  }

  put(frame: Frame): void {
    if (!this.isBegun) this.begin(frame);
    frame.pts = this.samples;
    frame.timeBase = { num: 1, den: OPUS_HERTZ } as never;
    this.samples += BigInt(frame.nbSamples);
    right(this.encoder.sendFrameSync(frame), 'encoder');
    this.pass();
  }

  end(): void {
    right(this.encoder.sendFrameSync(null), 'encoder');
    this.pass();
    right(this.output.writeTrailerSync(), 'file');
  }

  close(): void {
    this.encoder.freeContext();
    if (this.isBegun) this.output.closeOutputSync();
    this.output.freeContext();
  }

  private begin({ format, channelLayout }: Frame): void {
    const codec = Codec.findEncoderByName('libopus' as never);
    if (!codec) throw new Error('encoder: no Opus');
    this.encoder.allocContext3(codec);
    Object.assign(this.encoder, { sampleRate: OPUS_HERTZ, bitRate: BigInt(this.bitRate), timeBase: { num: 1, den: OPUS_HERTZ } });
    this.encoder.sampleFormat = format as never;
    this.encoder.channelLayout = channelLayout;
    right(this.encoder.open2Sync(codec, null), 'encoder');
    right(this.output.allocOutputContext2(null, 'ogg', `file:${this.path}`), 'file');
    this.output.setFlags(AVFMT_FLAG_BITEXACT);
    const stream = this.output.newStream();
    right(this.encoder.parametersFromContext(stream.codecpar), 'file');
    stream.timeBase = this.encoder.timeBase;
    right(this.output.openOutputSync(), 'file');
    right(this.output.writeHeaderSync(null), 'file');
    this.isBegun = true;
  }

  private pass(): void {
    while (!isDry(this.encoder.receivePacketSync(this.packet))) {
      this.packet.streamIndex = 0;
      this.packet.rescaleTs(this.encoder.timeBase, this.output.streams[0]!.timeBase);
      right(this.output.interleavedWriteFrameSync(this.packet), 'file');
      this.packet.unref();
    }
  }
}
