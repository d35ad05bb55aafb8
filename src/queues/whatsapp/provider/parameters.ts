/** How many different {{n}} the body of a template has. */
export const parametersIn = (body: string): number =>
  new Set(Array.from(body.matchAll(/\{\{\s*(\d+)\s*\}\}/g), ([, number]) => Number(number))).size;
