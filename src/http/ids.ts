import { z } from 'zod';
import { Refusal } from '../kernel/problems.js';

const shape = z.uuid();

/** An id in an address. What cannot be one names nothing. */
export function idOf(given: string): string {
  const { success, data } = shape.safeParse(given);
  if (!success) throw new Refusal('not_found', 'There is nothing under this id.');
  return data.toLowerCase();
}
