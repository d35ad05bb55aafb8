import { Injectable } from '@nestjs/common';
import { Engines } from '../engine/engines.service.js';
import { text } from './compose.js';
import type { Filter, Said } from './meaning.js';
import { stepsOf } from './steps.js';
import { bare, wordsOf } from './words.js';

const MOST_TITLES = 5_000;
const MOST_BYTES = 1_048_576;
const MOST_KEPT = 50;
const MOST_OF_NAMES = 1_000;
/** A shorter one may be any word. */
const LEAST_LETTERS = 6;

const SOME_DAY = '2026-01-01';
const isPartOfWord = (letter: string | undefined): boolean => letter !== undefined && /[\p{L}\p{N}]/u.test(letter);
/** Whose words all mean something else is no name where nobody put it in quotes, whatever its owner wants others to read. */
const isName = (title: string): boolean => title.length >= LEAST_LETTERS && stepsOf(wordsOf(title).words, SOME_DAY).unknown.length > 0;

/** Names of campaigns are known in questions, also where nobody put them in quotes. */
@Injectable()
export class Titles {
  private readonly kept = new Map<string, Promise<string[]>>();

  constructor(private readonly engines: Engines) {}

  async quotedIn(question: string, owner: string | null, version: string): Promise<string> {
    if (/["“”«»]/.test(question)) return question;
    const all = bare(question);
    // Letters without their accents stand where they stood: what has one is a single letter in NFC.
    const plain = Array.from(question.normalize('NFC'));
    const letters = plain.map(bare);
    for (const title of await this.all(owner, version)) {
      if (!all.includes(title) || !isName(title)) continue;
      const from = letters.findIndex((_, at) => isWholeAt(letters, at, title));
      if (from < 0) continue;
      const to = endOf(letters, from, title);
      return `${plain.slice(0, from).join('')}"${plain.slice(from, to).join('')}"${plain.slice(to).join('')}`;
    }
    return question;
  }

  /** With the campaigns that are meant by their titles to the letter; several that were called the same are told apart. */
  async named(saying: Said, owner: string | null): Promise<Said> {
    const names = saying.filters.filter(({ what }) => what === 'campaign').map(({ value }) => value);
    const known = await this.called(names, owner);
    const filters: Filter[] = [];
    const unknown = [...saying.unknown];
    for (const filter of saying.filters) {
      const titles = filter.what === 'campaign' ? meantBy(filter.value, known) : [filter.value];
      if (titles.length === 0) unknown.push(filter.value);
      const several = titles.length > 1 && !filter.not ? { isOfSeveral: true as const } : {};
      filters.push(...[...new Set(titles)].map((value) => ({ ...filter, ...several, value })));
    }
    return { ...saying, filters, unknown };
  }

  /** A title for each campaign that is called so, but for case and accents; none where there are too many. */
  private async called(names: readonly string[], owner: string | null): Promise<string[]> {
    if (names.length === 0) return [];
    const [same, alike] = [names, names.map(bare)].map((all) => all.map(text).join(', '));
    const { rows } = await this.engines.rows({
      sql: `SELECT title FROM campaigns WHERE title IN (${same ?? ''}) OR lower(strip_accents(title)) IN (${alike ?? ''}) LIMIT ${MOST_OF_NAMES}`,
      ...{ owner, mostRows: MOST_OF_NAMES, mostBytes: MOST_BYTES },
    });
    return rows.length < MOST_OF_NAMES ? rows.map(([title]) => String(title)) : [];
  }

  /** The longest first. */
  private all(owner: string | null, version: string): Promise<string[]> {
    const key = `${version} ${owner ?? ''}`;
    const known = this.kept.get(key);
    if (known) return known;
    const read = this.engines
      .rows({ sql: `SELECT DISTINCT title FROM campaigns LIMIT ${MOST_TITLES}`, owner, mostRows: MOST_TITLES, mostBytes: MOST_BYTES })
      .then(({ rows }) => [...new Set(rows.map(([title]) => bare(String(title))))].sort((one, other) => other.length - one.length));
    read.catch(() => this.kept.delete(key));
    if (this.kept.size >= MOST_KEPT) this.kept.delete(this.kept.keys().next().value ?? '');
    this.kept.set(key, read);
    return read;
  }
}

/** To the letter or, where none is, but for case and accents. */
function meantBy(name: string, titles: readonly string[]): string[] {
  const same = titles.filter((title) => title.normalize('NFC') === name.normalize('NFC'));
  return same.length > 0 ? same : titles.filter((title) => bare(title) === bare(name));
}

function endOf(letters: readonly string[], from: number, title: string): number {
  let to = from;
  for (let left = title.length; left > 0; to += 1) left -= letters[to]?.length ?? left;
  return to;
}

const isWholeAt = (letters: readonly string[], at: number, title: string): boolean =>
  !isPartOfWord(letters[at - 1]) && letters.slice(at).join('').startsWith(title) && !isPartOfWord(letters[endOf(letters, at, title)]);
