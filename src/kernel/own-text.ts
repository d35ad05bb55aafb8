/** A piece of a text keeps the whole text in memory; what is kept for longer than a request is copied. */
export const ownText = (piece: string): string => Buffer.from(piece).toString();
