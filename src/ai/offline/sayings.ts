import type { Campaigns } from '../../campaigns/campaigns.service.js';
import type { Language } from './question.js';
import { englishSayings } from './sayings.en.js';
import { portugueseSayings } from './sayings.pt.js';

/** A campaign as strangers see it. */
export type Shown = Awaited<ReturnType<Campaigns['shown']>>['items'][number];

export interface Totals {
  total: number;
  open: number;
  /** Of how many campaigns the sum is. */
  summed: number;
  raisedCents: number;
}

/** Everything that the built-in model can say, in one language. */
export interface Sayings {
  help: string;
  itself: string;
  thanks: string;
  unknown: string;
  whichOne: string;
  noneFound: string;
  noneThere: string;
  noneOpen: string;
  donors: string;
  giving: string;
  refund: string;
  receipt: string;
  anonymity: string;
  guests: string;
  newest: string;
  ending: string;
  ended: string;
  richest: string;
  open: (many: number) => string;
  found: (many: number, allWords: boolean) => string;
  /** With a number where no more of them were looked at. */
  closest: (most: number | undefined) => string;
  more: (many: number) => string;
  totals: (totals: Totals) => string;
  line: (campaign: Shown) => string;
  progress: (campaign: Shown) => string;
}

export const sayings: Record<Language, Sayings> = { pt: portugueseSayings, en: englishSayings };
