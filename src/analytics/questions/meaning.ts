import type { Period } from '../reports/reports.js';
import type { Language } from './model.js';

export type Subject = 'gifts' | 'campaigns' | 'messages' | 'ai';
export type Measure =
  | 'money'
  | 'gifts'
  | 'donors'
  | 'average'
  | 'largest'
  | 'smallest'
  | 'conversion'
  | 'campaigns'
  | 'goal'
  | 'remaining'
  | 'messages'
  | 'readRate'
  | 'deliveryRate'
  | 'cost'
  | 'tokens'
  | 'calls';
export type Dimension =
  'campaign' | 'day' | 'week' | 'month' | 'year' | 'weekday' | 'method' | 'status' | 'model' | 'category' | 'template';

export interface Filter {
  /** `above` and `below` are of one gift, in cents. */
  what: 'method' | 'status' | 'anonymous' | 'lane' | 'campaign' | 'created' | 'above' | 'below';
  value: string;
  not: boolean;
  /** Where it names more than one campaign, which are then told apart. */
  isOfSeveral?: true;
}

/** What a question means, as far as it was said. */
export interface Meaning {
  language: Language;
  subject: Subject;
  measure: Measure;
  by: Dimension[];
  filters: Filter[];
  period: Period | null;
  order: 'most' | 'fewest' | null;
  limit: number | null;
}

/** What a question says by itself, which may be less than a whole. */
export type Said = Pick<Meaning, 'language' | 'by' | 'filters' | 'period' | 'order' | 'limit'> & {
  subject: Subject | null;
  measure: Measure | null;
  /** Words that mean nothing here. */
  unknown: string[];
  leansOnTheLast: boolean;
  /** “How much” or “how many”, where no figure is named. */
  asks: 'much' | 'many' | null;
};
