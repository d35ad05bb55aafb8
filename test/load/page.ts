/** A list of 20 campaigns as one is answered: 9.6 KB. */
export const page = {
  items: Array.from({ length: 20 }, (_, index) => ({
    id: `01a1f965-1ca7-7b97-b07d-3a038baf${String(1_000 + index)}`,
    slug: `reforma-da-creche-${index}`,
    title: `Reforma da creche ${index}`,
    story: 'A creche atende 120 crianças do bairro e precisa de telhado novo já. '.repeat(3),
    goalCents: 5_000_000,
    raisedCents: 123_450 * index,
    currency: 'BRL',
    donors: 17 * index,
    status: 'active',
    endsAt: '2026-12-31T23:59:59.000Z',
  })),
  nextCursor: null,
};
