import { isDeepStrictEqual } from 'node:util';
import { sections } from './settings.js';
import type { Setting } from './kinds.js';

const BEGIN = '<!-- settings: written by `npm run documents` -->';
const END = '<!-- /settings -->';

const rows = Object.entries(sections).map(([title, group]) => [title, Object.entries(group as Record<string, Setting<unknown>>)] as const);

/** What may stand behind the `=`: the default itself, where it is one and not a description of one. */
const literal = ({ read, shown }: Setting<unknown>): string => {
  const [said, unset] = [read.safeParse(shown), read.safeParse(undefined)];
  return said.success && isDeepStrictEqual(said.data, unset.data) ? shown : '';
};

/** The text of `.env.example`. */
export function envExample(): string {
  const blocks = rows.map(([title, group]) =>
    [`# ${title}`, ...group.flatMap(([name, setting]) => [`# ${setting.help} (${setting.expected})`, `#${name}=${literal(setting)}`])].join(
      '\n',
    ),
  );
  return `# Copy to .env and change what you need; every line may stay out.\n\n${blocks.join('\n\n')}\n`;
}

function settingsTable(): string {
  const lines = rows.flatMap(([title, group]) => [
    `| **${title}** | | |`,
    ...group.map(([name, { help, shown }]) => `| \`${name}\` | ${shown} | ${help} |`),
  ]);
  return ['| name | default | what it is |', '| --- | --- | --- |', ...lines].join('\n');
}

/** A README with the table of today between its two marks. */
export function withSettingsTable(readme: string): string {
  const [before, rest] = readme.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md needs the lines ${BEGIN} and ${END}`);
  return `${before}${BEGIN}\n\n${settingsTable()}\n\n${END}${after}`;
}
