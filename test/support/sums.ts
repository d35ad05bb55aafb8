import { pause } from '../../src/kernel/waiting.js';
import type { Journal } from './gifts.js';
import { type Answer, MOST_MS, type Site } from './gifts.site.js';
import { OLD_MS, stalls } from './staleness.js';

interface Shown {
  id: string;
  raisedCents: number;
}

/**
 * Readers at every process, of the campaign and of the list, until `during` is over. Tells every answer that shows
 * less than was acknowledged before it was asked for and two seconds before it came, or more than anyone ever gave.
 */
export async function whileReading(site: Site, journal: Journal, during: () => Promise<void>) {
  const { campaignId } = journal;
  const stood = stalls();
  const wrong: string[] = [];
  let over = false;
  let reads = 0;
  let hits = 0;

  const judge = (where: string, asked: number, answer: Answer) => {
    if (answer.ms > MOST_MS) wrong.push(`${where}: answered after ${Math.round(answer.ms)} ms`);
    if (answer.status === 503) return;
    if (answer.status !== 200) return void wrong.push(`${where}: ${answer.status} ${answer.text}`);
    const shown = ('items' in answer.json ? answer.json.items : [answer.json]) as Shown[];
    // In a list that is a moment old it may not be yet.
    const raisedCents = shown.find(({ id }) => id === campaignId)?.raisedCents ?? 0;
    reads += 1;
    const how = String(answer.headers.get('cache-status'));
    if (how.includes('; hit;')) hits += 1;
    const now = performance.now();
    const old = now - OLD_MS - stood.within(now - 2 * OLD_MS, now);
    const least = journal.paidBy(Math.min(asked, old));
    if (raisedCents < least || raisedCents > journal.wantedCents)
      wrong.push(`${where}: ${raisedCents} of at least ${least}, at most ${journal.wantedCents}; ${how}`);
  };

  const reader = async (at: number, path: string) => {
    while (!over) {
      const asked = performance.now();
      const answer = await site.send(at, 'GET', path);
      if (answer) judge(`${path} at ${at}`, asked, answer);
      await pause(5 + Math.random() * 25);
    }
  };

  const readers = Promise.all([0, 1].flatMap((at) => [`/campaigns/${campaignId}`, '/campaigns?limit=5'].map((path) => reader(at, path))));
  try {
    await during();
  } finally {
    over = true;
    await readers;
    stood.end();
  }
  return { wrong, reads, hits };
}
