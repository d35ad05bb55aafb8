import type { Language } from './question.js';

const locales = { pt: 'pt-BR', en: 'en-GB' } as const satisfies Record<Language, string>;
const TIME_ZONE = 'America/Sao_Paulo';

const perLanguage = <T>(make: (locale: string) => T): Record<Language, T> => ({ pt: make(locales.pt), en: make(locales.en) });
const amounts = perLanguage((locale) => new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
const wholes = perLanguage((locale) => new Intl.NumberFormat(locale));
const moments = perLanguage(
  (locale) =>
    new Intl.DateTimeFormat(locale, {
      timeZone: TIME_ZONE,
      day: '2-digit',
      month: locale === locales.pt ? '2-digit' : 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    }),
);

export const moneyIn = (language: Language, cents: number): string => `R$ ${amounts[language].format(cents / 100)}`;

/** A number with what is counted. */
export const manyIn = (language: Language, many: number, one: string, several: string): string =>
  `${wholes[language].format(many)} ${many === 1 ? one : several}`;

export const momentIn = (language: Language, at: Date): string => moments[language].format(at);

/** Never a hundred before it is reached. */
export const percentOf = (raisedCents: number, goalCents: number): string => `${Math.floor((raisedCents * 100) / goalCents)}%`;
