/** What an answer may do in a browser: nothing, unless its route says otherwise. */
export const guarding = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  // What does not say that it may be kept is kept nowhere.
  'cache-control': 'no-store',
};
