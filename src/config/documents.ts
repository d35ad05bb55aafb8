import { sections } from './settings.js';
import type { Setting } from './kinds.js';

const rows = Object.entries(sections).map(([title, group]) => [title, Object.entries(group as Record<string, Setting<unknown>>)] as const);

/** The text of `.env.example`. */
export function envExample(): string {
  const blocks = rows.map(([title, group]) =>
    [
      `# ${title}`,
      ...group.flatMap(([name, { help, expected, shown }]) => [
        `# ${help} (${expected})`,
        `#${name}=${/^[\w.:/,-]*$/.test(shown) ? shown : ''}`,
      ]),
    ].join('\n'),
  );
  return `# Copy to .env and change what you need; every line may stay out.\n\n${blocks.join('\n\n')}\n`;
}

/** The table of the README. */
export function settingsTable(): string {
  const lines = rows.flatMap(([title, group]) => [
    `| **${title}** | | |`,
    ...group.map(([name, { help, shown }]) => `| \`${name}\` | ${shown} | ${help} |`),
  ]);
  return ['| name | default | what it is |', '| --- | --- | --- |', ...lines].join('\n');
}
