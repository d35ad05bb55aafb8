import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);
const LEAST_TO_COMPRESS = 1_024;
const LENGTHS = 8;
/** What the bytes mean: to be raised with it, as processes of several versions share what is kept. */
const FORMAT = 1;

/** What a load was based on: the versions of its tags before it began. */
export interface Stamp {
  versions: readonly string[];
  /** Whoever loads for all processes holds the lock by this. */
  token: string;
}

interface Head {
  versions: readonly string[];
  /** What stands between the quotes. */
  etag: string;
  headers: Record<string, string>;
  /** Epoch milliseconds. */
  expires: number;
}

/** One way to send an entry, ready but for what differs from request to request. */
export interface Form {
  headers: Readonly<Record<string, string>>;
  etag: string;
  body: Buffer;
}

/** An answer as it is kept and sent: bytes, never read again. */
export class Entry {
  private plainForm: Form | undefined;
  private packedForm: Form | undefined;

  constructor(
    readonly head: Head,
    private readonly plain: Buffer,
    private readonly packed: Buffer,
  ) {}

  get bytes(): number {
    return this.plain.length + this.packed.length + 512;
  }

  form(gzipAccepted: boolean): Form {
    const { etag, headers } = this.head;
    if (!gzipAccepted || this.packed.length === 0)
      return (this.plainForm ??= { headers: { ...headers, etag: `"${etag}"` }, etag, body: this.plain });
    return (this.packedForm ??= {
      // Other bytes need another strong tag.
      headers: { ...headers, etag: `"${etag}-gzip"`, 'content-encoding': 'gzip' },
      etag,
      body: this.packed,
    });
  }

  encode(): Buffer {
    const head = Buffer.from(JSON.stringify({ ...this.head, format: FORMAT }));
    const lengths = Buffer.allocUnsafe(LENGTHS);
    lengths.writeUInt32LE(head.length, 0);
    lengths.writeUInt32LE(this.plain.length, 4);
    return Buffer.concat([lengths, head, this.plain, this.packed]);
  }

  /** `undefined` for what another version or a damaged server left. */
  static decode(bytes: Buffer): Entry | undefined {
    try {
      const body = LENGTHS + bytes.readUInt32LE(0);
      const end = body + bytes.readUInt32LE(4);
      const head = JSON.parse(bytes.toString('utf8', LENGTHS, body)) as Partial<Head & { format: number }> | null;
      if (head?.format !== FORMAT || end > bytes.length) return undefined;
      if (!Array.isArray(head.versions) || typeof head.etag !== 'string') return undefined;
      return new Entry(head as Head, bytes.subarray(body, end), bytes.subarray(end));
    } catch {
      return undefined;
    }
  }

  static async of(plain: Buffer, headers: Record<string, string>, lifeMs: number, versions: readonly string[]): Promise<Entry> {
    const { etag: given, ...others } = headers;
    const etag = given?.replace(/^W\/|"/g, '') ?? createHash('sha1').update(plain).digest('base64url');
    const packed = plain.length > LEAST_TO_COMPRESS && lifeMs > 0 ? await compress(plain) : Buffer.alloc(0);
    const head = { versions, etag, headers: others, expires: Date.now() + lifeMs };
    return new Entry(head, plain, packed.length < plain.length ? packed : Buffer.alloc(0));
  }
}
