/** A donation's id as providers take it: 32 letters and digits. */
export const txidOf = (donationId: string): string => donationId.replaceAll('-', '');

/** The donation of a charge; `undefined` for what we never named. */
export function donationOf(txid: string): string | undefined {
  const [, ...parts] = /^([\da-f]{8})([\da-f]{4})([\da-f]{4})([\da-f]{4})([\da-f]{12})$/i.exec(txid) ?? [];
  return parts.length === 5 ? parts.join('-').toLowerCase() : undefined;
}
