export type Column = 'list' | 'campaign' | 'own page' | 'donate' | 'confirm' | 'sign-in' | 'mixed';

/**
 * What others took in CPU for the same, as a factor of the hand-written Fastify beside which they were measured once, on two cores
 * with the same data, at 64 connections. (Two processes or workers each, but Directus one.)
 */
export const peers: Record<string, Partial<Record<Column, number>>> = {
  'FastAPI with asyncpg': { list: 32, campaign: 7, 'own page': 7, donate: 2.1, 'sign-in': 2, mixed: 4.8 },
  'Django REST': { list: 21, campaign: 17, 'own page': 19, donate: 4.7, 'sign-in': 2.4, mixed: 5.7 },
  'a usual NestJS': { list: 9, campaign: 6, 'own page': 19, donate: 4.4, 'sign-in': 2.4, mixed: 4.3 },
  Directus: { list: 22 },
  'Express by hand': { list: 5 },
};
