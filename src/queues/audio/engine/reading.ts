import { avGetCodecName, Codec, CodecContext, Dictionary, FormatContext, Frame, InputFormat, Packet } from 'node-av/lib';
import { AVMEDIA_TYPE_AUDIO } from 'node-av/constants';
import { isDry, right } from './graph.js';
import type { Kind } from './kinds.js';
import { Unfit } from './words.js';

/** Decoders of what people record; no other is ever begun, whatever a file holds. */
const DECODERS = [
  ...['u8', 's16le', 's16be', 's24le', 's24be', 's32le', 's32be', 'f32le', 'f32be', 'f64le', 'alaw', 'mulaw'].map((name) => `pcm_${name}`),
  ...['adpcm_ms', 'adpcm_ima_wav', 'mp3', 'mp3float', 'opus', 'libopus', 'vorbis', 'libvorbis', 'flac', 'aac', 'alac'],
];
const MOST_CHANNELS = 8;
/** With fewer nobody is understood, and filters cannot be made. */
const LEAST_HERTZ = 1_000;
const MOST_HERTZ = 192_000;
/** Of all that is decoded, at four bytes a sample. */
const MOST_DECODED_BYTES = 8 * 1024 ** 3;
const SAMPLE_BYTES = 4;
const MOST_PROBED_BYTES = '5000000';
const AT_ONCE_MS = 100;

export interface Bounds {
  mostSeconds: number;
  /** Told now and then how many seconds have been read. */
  tell: (seconds: number) => void;
}

export interface Source {
  codec: string;
  sampleRate: number;
  channels: number;
  bitRate: number | null;
}

/**
 * Decodes a recording. One file, read by the one demuxer that its bytes name: no other protocol, format or decoder is
 * open to it, so that nothing it says leads anywhere else.
 */
export async function decode(
  path: string,
  { demuxer }: Kind,
  { mostSeconds, tell }: Bounds,
  take: (frame: Frame) => void,
): Promise<Source> {
  const input = new FormatContext();
  const options = new Dictionary();
  for (const [name, value] of Object.entries({
    protocol_whitelist: 'file',
    format_whitelist: demuxer,
    codec_whitelist: DECODERS.join(','),
    probesize: MOST_PROBED_BYTES,
    max_streams: '16',
  }))
    options.set(name, value);
  const packet = new Packet();
  const frame = new Frame();
  const decoder = new CodecContext();
  try {
    if (input.openInputSync(`file:${path}`, InputFormat.findInputFormat(demuxer), options) < 0)
      throw new Unfit('damaged', 'It cannot be read as what it begins like.');
    input.findStreamInfoSync(null);
    const stream = input.streams.find(({ codecpar }) => codecpar.codecType === AVMEDIA_TYPE_AUDIO);
    if (!stream) throw new Unfit('not_audio', 'There is no sound in it.');
    const codec = Codec.findDecoder(stream.codecpar.codecId);
    if (!codec?.name || !DECODERS.includes(codec.name)) throw new Unfit('not_audio', 'Its sound is coded in a way that is not read here.');
    decoder.allocContext3(codec);
    right(decoder.parametersToContext(stream.codecpar), 'decoder');
    decoder.threadCount = 1;
    decoder.pktTimebase = stream.timeBase;
    if (decoder.open2Sync(codec, null) < 0) throw new Unfit('damaged', 'Its sound cannot be decoded.');
    frame.alloc();
    packet.alloc();
    const count = counter(mostSeconds);
    let seconds = 0;
    const drain = () => {
      while (!isDry(decoder.receiveFrameSync(frame))) {
        if (frame.nbSamples <= 0) return;
        seconds = count(frame);
        take(frame);
        frame.unref();
      }
    };
    for (let since = performance.now(); ;) {
      const answer = input.readFrameSync(packet);
      // What is cut off in the middle is as long as it is.
      if (answer < 0) break;
      if (packet.streamIndex === stream.index && decoder.sendPacketSync(packet) >= 0) drain();
      packet.unref();
      if (performance.now() - since < AT_ONCE_MS) continue;
      tell(seconds);
      await new Promise(setImmediate);
      since = performance.now();
    }
    decoder.sendPacketSync(null);
    drain();
    if (seconds === 0) throw new Unfit('damaged', 'Nothing of it could be decoded.');
    const { sampleRate, channels } = decoder;
    const bitRate = Number(stream.codecpar.bitRate || input.bitRate) || null;
    return { codec: avGetCodecName(stream.codecpar.codecId) ?? 'unknown', sampleRate, channels, bitRate };
  } finally {
    decoder.freeContext();
    input.closeInputSync();
  }
}

/** Counts what is there, which need not be what a file says of itself. */
function counter(mostSeconds: number): (frame: Frame) => number {
  let seconds = 0;
  let bytes = 0;
  return ({ nbSamples, sampleRate, channels }) => {
    if (channels < 1 || channels > MOST_CHANNELS) throw new Unfit('not_audio', `It has more than ${MOST_CHANNELS} channels.`);
    if (sampleRate < LEAST_HERTZ || sampleRate > MOST_HERTZ)
      throw new Unfit('not_audio', `It has fewer than ${LEAST_HERTZ} or more than ${MOST_HERTZ} samples in a second.`);
    seconds += nbSamples / sampleRate;
    bytes += nbSamples * channels * SAMPLE_BYTES;
    if (seconds > mostSeconds) throw new Unfit('too_long', `It lasts longer than ${Math.round(mostSeconds / 60)} minutes.`);
    if (bytes > MOST_DECODED_BYTES) throw new Unfit('too_large', 'It is too large when it is decoded.');
    return seconds;
  };
}
