import { Injectable } from '@nestjs/common';
import { Engines } from '../engine/engines.service.js';
import { bare } from './words.js';

const MOST_TITLES = 5_000;
const MOST_BYTES = 1_048_576;
const MOST_KEPT = 50;
/** A shorter one may be any word. */
const LEAST_LETTERS = 6;

/** Names of campaigns are known in questions, also where nobody put them in quotes. */
@Injectable()
export class Titles {
  private readonly kept = new Map<string, Promise<string[]>>();

  constructor(private readonly engines: Engines) {}

  async quotedIn(question: string, owner: string | null, version: string): Promise<string> {
    if (/["“”«»]/.test(question)) return question;
    const text = bare(question);
    const title = (await this.all(owner, version)).find((one) => one.length >= LEAST_LETTERS && text.includes(one));
    if (title === undefined) return question;
    // Letters without their accents stand where they stood: what has one is a single letter in NFC.
    const plain = Array.from(question.normalize('NFC'));
    const letters = plain.map(bare);
    const from = letters.findIndex((_, at) => letters.slice(at).join('').startsWith(title));
    let to = from;
    for (let left = title.length; left > 0; to += 1) left -= letters[to]?.length ?? left;
    return `${plain.slice(0, from).join('')}"${plain.slice(from, to).join('')}"${plain.slice(to).join('')}`;
  }

  /** Those that no campaign has which is seen here. */
  async strangeIn(names: readonly string[], owner: string | null, version: string): Promise<string[]> {
    if (names.length === 0) return [];
    const all = await this.all(owner, version);
    return all.length >= MOST_TITLES ? [] : names.filter((name) => !all.includes(bare(name)));
  }

  /** The longest first. */
  private all(owner: string | null, version: string): Promise<string[]> {
    const key = `${version} ${owner ?? ''}`;
    const known = this.kept.get(key);
    if (known) return known;
    const read = this.engines
      .rows({ sql: `SELECT DISTINCT title FROM campaigns LIMIT ${MOST_TITLES}`, owner, mostRows: MOST_TITLES, mostBytes: MOST_BYTES })
      .then(({ rows }) => rows.map(([title]) => bare(String(title))).sort((one, other) => other.length - one.length));
    read.catch(() => this.kept.delete(key));
    if (this.kept.size >= MOST_KEPT) this.kept.delete(this.kept.keys().next().value ?? '');
    this.kept.set(key, read);
    return read;
  }
}
