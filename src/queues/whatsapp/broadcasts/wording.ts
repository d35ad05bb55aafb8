import { MOST_PARAMETER_LETTERS } from '../messages.dto.js';
import type { KnownTemplate, Template } from '../provider/provider.js';

/** Stands for a name where none is known. */
const NO_NAME = 'amigo(a)';
const EXAMPLE = 'Ana';
const MOST_LETTERS = 60;
const PLACE_OF_NAME = '{name}';

/** How somebody is called in a letter. */
export function firstNameOf(name: string | null): string {
  const [first = ''] = (name ?? '').trim().split(/\s+/);
  return /\p{L}/u.test(first) ? first.slice(0, MOST_LETTERS).replaceAll(/[\p{Cc}\p{Cs}]/gu, '') : NO_NAME;
}

/** The template as this person gets it. */
export function templateFor({ parameters, ...template }: Template, name: string | null): Template {
  if (!parameters) return template;
  const filled = parameters.map((text) => text.replaceAll(PLACE_OF_NAME, () => firstNameOf(name)));
  return { ...template, parameters: filled.map((text) => text.slice(0, MOST_PARAMETER_LETTERS)) };
}

/** What one who is called so would read; without its text where nobody knows the template here. */
export function previewOf(template: Template, known: readonly KnownTemplate[]) {
  const { parameters = [] } = templateFor(template, EXAMPLE);
  const found = known.find(({ name, language }) => name === template.name && language === template.language);
  return { name: EXAMPLE, parameters, text: found ? filledIn(found.body, parameters) : null };
}

/** What is read on the telephone. */
export const filledIn = (body: string, parameters: readonly string[]): string =>
  body.replaceAll(/\{\{\s*(\d+)\s*\}\}/g, (place, number: string) => parameters[Number(number) - 1] ?? place);
