import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Keys, Proofs } from '../config/keys.js';
import { Refusal } from '../kernel/problems.js';

const MOST_LETTERS = 600;
const PROOF_LETTERS = 43;

/** What every list may be asked. */
export const listQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(MOST_LETTERS).optional(),
};

/** Of a list that is asked nothing else. */
export const bareListQuery = z.object(listQuery);
export type BareListQuery = z.output<typeof bareListQuery>;

/** Besides that, where pages can be counted. */
export const pagedQuery = { ...listQuery, page: z.coerce.number().int().min(1).max(100_000).optional() };

export const notBoth = ({ page, cursor }: Asked): boolean => page === undefined || cursor === undefined;
export const notBothFault = { path: ['page'], message: 'does not go together with cursor' };

/** Of such a list that is asked nothing else. */
export const barePagedQuery = z.object(pagedQuery).refine(notBoth, notBothFault);
export type BarePagedQuery = z.output<typeof barePagedQuery>;

/** What a list answers. */
export const sliceShape = (item: z.ZodType) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** And where its pages can be counted. */
export const pagedShape = (item: z.ZodType) => sliceShape(item).extend({ total: z.int(), page: z.int().nullable(), limit: z.int() });

/** One part of a list, of which one more was read than was asked for, to see whether it goes on. */
export interface Slice<T> {
  items: T[];
  nextCursor: string | null;
}

/** Where a list goes on. Only this list with these filters reads it. */
@Injectable()
export class Cursors {
  private readonly proofs: Proofs;

  constructor(keys: Keys) {
    this.proofs = new Proofs(keys.for('cursor'));
  }

  /** The place after which the given cursor goes on; `undefined` at the beginning. */
  read(list: string, cursor: string | undefined): string | undefined {
    if (cursor === undefined) return undefined;
    const [proof, rest] = [cursor.slice(0, PROOF_LETTERS), cursor.slice(PROOF_LETTERS)];
    const place = Buffer.from(rest, 'base64url').toString();
    const isOurs = encoded(place) === rest && this.proofs.isOurs(proof, `${list}\n${place}`);
    if (!isOurs) throw new Refusal('cursor_not_valid');
    return place;
  }

  /** One part of a list, which is ordered by the ids of its rows unless their places are told otherwise. */
  async paged<T extends { id: string }>(
    list: string,
    { limit, cursor, page }: Asked,
    read: (from: From) => Promise<T[]>,
    count: () => Promise<number>,
    placeOf = ({ id }: T) => id,
  ): Promise<Slice<T> & { total: number; page: number | null; limit: number }> {
    const from = { after: this.read(list, cursor), skip: ((page ?? 1) - 1) * limit, take: limit + 1 };
    const [rows, total] = await Promise.all([read(from), count()]);
    return { ...this.slice(list, rows, limit, placeOf), total, page: cursor === undefined ? (page ?? 1) : null, limit };
  }

  slice<T>(list: string, rows: readonly T[], limit: number, placeOf: (row: T) => string): Slice<T> {
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? this.written(list, placeOf(last)) : null };
  }

  private written(list: string, place: string): string {
    return this.proofs.of(`${list}\n${place}`) + encoded(place);
  }
}

/** What is asked of a list whose pages can be counted. */
export interface Asked {
  limit: number;
  cursor?: string;
  page?: number;
}

/** From where one part is read: one row more than asked for, to see whether there are more. */
export interface From {
  after: string | undefined;
  skip: number;
  take: number;
}

const encoded = (place: string) => Buffer.from(place).toString('base64url');
