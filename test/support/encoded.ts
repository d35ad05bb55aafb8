import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AV_LOG_QUIET } from 'node-av/constants';
import { Codec, CodecContext, FormatContext, Log, Packet, type Frame } from 'node-av/lib';
import { Graph, isDry, right } from '../../src/queues/audio/engine/graph.js';
import { kindNamed } from '../../src/queues/audio/engine/kinds.js';
import { decode } from '../../src/queues/audio/engine/reading.js';

const ways = {
  mp3: { muxer: 'mp3', encoder: 'libmp3lame', samples: 1_152, format: 'fltp' },
  m4a: { muxer: 'ipod', encoder: 'aac', samples: 1_024, format: 'fltp' },
  opus: { muxer: 'ogg', encoder: 'libopus', samples: 960, format: 'flt' },
  vorbis: { muxer: 'ogg', encoder: 'libvorbis', samples: 64, format: 'fltp' },
  flac: { muxer: 'flac', encoder: 'flac', samples: 4_608, format: 's16' },
  webm: { muxer: 'webm', encoder: 'libopus', samples: 960, format: 'flt' },
} as const;

Log.setLevel(AV_LOG_QUIET);

/** The same sound, as other programs write it. */
export async function encoded(wave: Buffer, name: keyof typeof ways, bitRate = 192_000): Promise<Buffer> {
  const { muxer, encoder: codecName, samples, format } = ways[name];
  const folder = await mkdtemp(join(tmpdir(), 'mutirao-sound-'));
  try {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    await writeFile(from, wave);
    const codec = Codec.findEncoderByName(codecName as never)!;
    const encoder = new CodecContext();
    const output = new FormatContext();
    const packet = new Packet();
    packet.alloc();
    let written = 0n;
    const pass = () => {
      while (!isDry(encoder.receivePacketSync(packet))) {
        packet.rescaleTs(encoder.timeBase, output.streams[0]!.timeBase);
        right(output.interleavedWriteFrameSync(packet), 'file');
        packet.unref();
      }
    };
    const begin = (frame: Frame) => {
      encoder.allocContext3(codec);
      Object.assign(encoder, { sampleRate: frame.sampleRate, bitRate: BigInt(bitRate), timeBase: { num: 1, den: frame.sampleRate } });
      encoder.sampleFormat = frame.format as never;
      encoder.channelLayout = frame.channelLayout;
      if (muxer === 'ipod' || muxer === 'webm' || muxer === 'flac') encoder.setFlags(0x400000 as never);
      right(encoder.open2Sync(codec, null), 'encoder');
      right(output.allocOutputContext2(null, muxer, to), 'file');
      const stream = output.newStream();
      right(encoder.parametersFromContext(stream.codecpar), 'file');
      stream.timeBase = encoder.timeBase;
      right(output.openOutputSync(), 'file');
      right(output.writeHeaderSync(null), 'file');
    };
    const graph = new Graph(
      () => `aresample=48000,aformat=sample_fmts=${format},asetnsamples=n=${samples}:p=0`,
      (frame) => {
        if (written === 0n) begin(frame);
        frame.pts = written;
        written += BigInt(frame.nbSamples);
        right(encoder.sendFrameSync(frame), 'encoder');
        pass();
      },
    );
    await decode(from, kindNamed('wav'), { mostSeconds: 600, tell: () => undefined }, (frame) => graph.put(frame));
    graph.end(() => undefined);
    right(encoder.sendFrameSync(null), 'encoder');
    pass();
    right(output.writeTrailerSync(), 'file');
    output.closeOutputSync();
    return await readFile(to);
  } finally {
    await rm(folder, { recursive: true });
  }
}
