import { z } from 'zod';

/** The body of a route that reads none: it may be left out, and has no fields. */
export const nothing = z.strictObject({}).optional();
export type Nothing = z.output<typeof nothing>;
