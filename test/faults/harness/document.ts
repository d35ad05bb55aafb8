import { catalogue } from './catalogue.js';
import { elsewhere } from './elsewhere.js';
import type { Result } from './drill.js';

const number = (value: number) => value.toLocaleString('en');
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (...cells: string[]) => `| ${cells.map(cell).join(' | ')} |`;

function measured({ verdict, spared, before, after, notes, fault, longestMs }: Result): string {
  const { gifts, messages, unknown, answered, lost, doubled } = verdict;
  const others =
    fault.spares.length === 0 ? [] : [`others: ${number(spared.failed)} of ${number(spared.asked)} failed, P95 ${number(spared.p95Ms)} ms`];
  const rest = `sessions ${before.sessions} → ${after.sessions}, descriptors ${number(before.descriptors)} → ${number(after.descriptors)}, memory ${number(before.memoryMb)} → ${number(after.memoryMb)} MB`;
  return [
    `${number(gifts)} gifts and ${number(messages)} messages acknowledged, ${lost.length} lost, ${doubled.length} doubled, ${unknown} messages told as unknown`,
    `the AI answered ${number(answered)} times`,
    ...others,
    `longest answer ${number(longestMs)} ms`,
    ...notes,
    rest,
  ].join('; ');
}

function promised({ fault }: Result): string {
  const { promise, spares, errors, p95Ms, mostMs } = fault;
  const others = spares.length === 0 ? [] : [`of others at most ${errors * 100} % fail, P95 ≤ ${number(p95Ms)} ms`];
  return [promise, ...others, `nobody waits longer than ${number(mostMs)} ms`].join('; ');
}

const held = ({ wrong, missed }: Result): string => {
  const all = [...wrong, ...missed];
  return all.length === 0 ? 'held' : `**missed**: ${all.join('; ')}`;
};

/** For whoever watches a long run. */
export const lineOf = (result: Result): string =>
  `${result.fault.name}: ${measured(result)}; back after ${result.recoveredAfterSeconds} s; ${held(result)}\n`;

/** Made of a run of all faults, and of the list of those that have a test of their own. */
export function guaranteesDocument(results: readonly Result[]): string {
  const inOrder = catalogue.flatMap((fault) => results.filter((result) => result.fault === fault));
  const rows = inOrder.map((result) =>
    row(
      result.fault.name,
      promised(result),
      measured(result),
      `${result.verdict.lost.length} acknowledged lost`,
      `${result.recoveredAfterSeconds} s of at most ${result.fault.backSeconds}`,
      held(result),
    ),
  );
  return `# What is guaranteed, fault by fault

Written by \`npm run test:faults\` from what it measured, never by hand: two instances (two request processes and a background process each) behind
nginx, PostgreSQL with every commit on disk, Redis, and stand-ins of the bank, of WhatsApp and of the AI that keep ledgers of their own. A crowd
reads, gives, pays, writes and asks (at \`/api/v1/ai\` and, by a key, at \`/v1\`) at about a hundred requests a second throughout; each gift and each message that was acknowledged is looked for at
the end. RPO: acknowledged gifts and messages that were lost. RTO: seconds from the end of the fault (from its beginning, where it is over at once)
to the first from which on everything was answered as ever: rightly, and within two seconds. Each run prints its seed; \`SEED=…\` makes the same chances again, \`NEMESIS_MINUTES\` and
\`SOAK_MINUTES\` (10 and 30) say how long the nemesis and the soak take. Faults of the disk have a site of their own, whose engines keep all they have on
a tmpfs of a few hundred megabytes; where none can be mounted, they fail.

After each fault sums are those of the bank to the cent, no message was taken twice, no budget is overspent or kept back, no answer showed anything of another
person, and nobody was left without an answer or with one that is not promised; sessions, descriptors and memory are back
within 10 % of what they were when the crowd had asked for half a minute, at the latest 90 s after the last question.

${row('fault', 'promise', 'measured', 'RPO', 'RTO', '')}
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

Without PostgreSQL nothing is answered but \`/health/live\`: no reader is shown a sum that may be older than two seconds, so that everything else is refused, in time and with when to come again. P95 above 500 ms is
promised where something stands still or is late itself: whoever asks by it waits. nginx asks another server only when a connection is lost, not when an answer is late: under load it would take everyone for dead.

Recordings may come slowly: nginx keeps them until they are whole, at most sixteen at once of each client, each as long as its next piece comes within 15 s.
Everything else it passes on as it comes, so that 30 s are the end of it.

## Faults with a test of their own

${elsewhereTable()}
`;
}

export const elsewhereTable = (): string =>
  [
    row('fault', 'promise', 'held by'),
    '| --- | --- | --- |',
    ...elsewhere.map(({ fault, promise, spec }) => row(fault, promise, `\`${spec}\``)),
  ].join('\n');
