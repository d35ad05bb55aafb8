import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG } from '../../../config/config.module.js';
import type { Config } from '../../../config/config.js';
import { comingParts, type ComingPart } from '../../../http/coming-form.js';
import { saidLength, tooLong, uploadTypeOf } from '../../../http/uploads.js';
import { Refusal } from '../../../kernel/problems.js';
import { priorities, type Priority } from '../../../outbox/contracts.js';
import { behindTag, kindOf, SNIFFED_BYTES, type Kind } from '../engine/kinds.js';
import { AudioStorage } from '../storage.js';
import { aboutSeconds } from './length.js';

const MB = 1024 * 1024;
/** Of all that is no file. */
const MOST_BESIDE_BYTES = 64 * 1024;
const MOST_FIELD_BYTES = 100;
/** Of one person in this process at once, and of all. */
const MOST_COMING = 3;
const MOST_COMING_OF_ALL = 100;

export interface Upload {
  bytes: number;
  kind: Kind['name'];
  aboutSeconds: number;
  priority: Priority;
}

/** Recordings on their way in: to where they are kept, a piece at a time. */
@Injectable()
export class Intake {
  private readonly coming = new Map<string, number>();
  private all = 0;

  constructor(
    private readonly storage: AudioStorage,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Where anything is wrong with it nothing of it is left. */
  async receive(id: string, ownerId: string, request: FastifyRequest): Promise<Upload> {
    const type = uploadTypeOf(request);
    const mostFile = this.config.AUDIO_MAX_MB * MB;
    saidLength(request, mostFile + MOST_BESIDE_BYTES);
    return this.oneOfFew(ownerId, async () => {
      try {
        return await this.read(id, comingParts(request.raw, type, mostFile + MOST_BESIDE_BYTES), mostFile);
      } catch (fault) {
        await this.storage.remove(id);
        throw fault;
      }
    });
  }

  private async read(id: string, parts: AsyncGenerator<ComingPart, void, void>, mostBytes: number): Promise<Upload> {
    let priority: Priority = 'normal';
    let file: { bytes: number; kind: Kind } | undefined;
    for await (const { name, bytes } of parts) {
      if (name === 'priority') priority = priorityOf(await textOf(bytes));
      else if (name !== 'file') throw field(name.slice(0, MOST_FIELD_BYTES), 'is not a field of this request');
      else if (file) throw field('file', 'must be one file');
      else file = await this.keep(id, bytes, mostBytes);
    }
    if (!file) throw field('file', 'is missing');
    const { kind, bytes } = file;
    const part = (from: number) => this.storage.some(id, 'original', from, SNIFFED_BYTES);
    // What it says of its sound stands behind its tags, with all their pictures.
    const begin = behindTag(await part(0));
    const ends = { first: await part(begin), last: await part(Math.max(begin, bytes - SNIFFED_BYTES)) };
    return {
      bytes,
      kind: kind.name,
      priority,
      aboutSeconds: Math.min(aboutSeconds(kind, ends, Math.max(0, bytes - begin)), this.config.AUDIO_MAX_MINUTES * 60),
    };
  }

  private async keep(id: string, coming: AsyncGenerator<Buffer, void, void>, mostBytes: number) {
    const { first, isEmpty } = await begin(coming);
    if (isEmpty) throw field('file', 'is empty');
    const kind = kindOf(first);
    if (!kind) throw new Refusal('unsupported_type', 'Send a recording: WAV, MP3, Ogg, M4A, FLAC or WebM. This is none of them.');
    return { kind, bytes: await this.storage.put(id, 'original', bounded(first, coming, mostBytes)) };
  }

  /** Whoever begins many that do not come keeps nobody else from sending his. */
  private async oneOfFew<T>(ownerId: string, work: () => Promise<T>): Promise<T> {
    const others = this.coming.get(ownerId) ?? 0;
    if (others >= MOST_COMING)
      throw new Refusal('too_many_streams', `At most ${MOST_COMING} recordings of yours may come in at once.`, undefined, {
        'retry-after': '1',
      });
    if (this.all >= MOST_COMING_OF_ALL)
      throw new Refusal('overloaded', 'Too many recordings come in at once.', undefined, { 'retry-after': '2' });
    this.coming.set(ownerId, others + 1);
    this.all += 1;
    try {
      return await work();
    } finally {
      this.all -= 1;
      const left = this.coming.get(ownerId)! - 1;
      if (left > 0) this.coming.set(ownerId, left);
      else this.coming.delete(ownerId);
    }
  }
}

const field = (path: string, message: string) => new Refusal('validation_failed', '1 field is not valid', [{ path, message }]);

/** As much as tells what it is. */
async function begin(coming: AsyncGenerator<Buffer, void, void>): Promise<{ first: Buffer; isEmpty: boolean }> {
  const parts: Buffer[] = [];
  let bytes = 0;
  while (bytes < SNIFFED_BYTES) {
    const { done, value } = await coming.next();
    if (done) break;
    parts.push(value);
    bytes += value.length;
  }
  return { first: Buffer.concat(parts), isEmpty: bytes === 0 };
}

async function* bounded(first: Buffer, rest: AsyncGenerator<Buffer, void, void>, mostBytes: number): AsyncGenerator<Buffer, void, void> {
  let left = mostBytes - first.length;
  if (left < 0) throw tooLong(mostBytes);
  yield first;
  for await (const bytes of rest) {
    left -= bytes.length;
    if (left < 0) throw tooLong(mostBytes);
    yield bytes;
  }
}

async function textOf(bytes: AsyncGenerator<Buffer, void, void>): Promise<string> {
  let text = '';
  for await (const some of bytes) {
    text += some.toString('latin1');
    if (text.length > MOST_FIELD_BYTES) break;
  }
  return text;
}

function priorityOf(text: string): Priority {
  const found = priorities.find((each) => each === text);
  if (!found) throw field('priority', `must be one of ${priorities.join(', ')}`);
  return found;
}
