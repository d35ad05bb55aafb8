import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is asked for, as far as it is judged by itself. `payments`: what the bank tells us. */
export const kinds = ['live', 'lists', 'campaigns', 'own', 'gifts', 'payments', 'messages', 'AI'] as const;
export type Kind = (typeof kinds)[number];

/** Somebody is about to ask for this; written before he does. */
export interface Intent {
  kind: Kind;
  /** By which whoever asks knows it again: equal where the same is asked once more. */
  key: string;
  who: string;
  cents?: number;
  campaign?: string;
}

export type Verdict =
  | 'right'
  /** In the words that are promised, and with a time to come again. */
  | 'refused'
  /** Whoever asked went before he was answered, or was told that what he left so is still worked on. */
  | 'left'
  /** Shows what belongs to somebody else. */
  | 'foreign'
  /** No answer, or one that nobody should ever see. */
  | 'broken';

export interface Outcome {
  status: number;
  ms: number;
  verdict: Verdict;
  why?: string;
  /** Of what was made. */
  id?: string;
}

export interface Asked extends Intent {
  /** When it was asked, by `performance.now()`. */
  at: number;
  outcome?: Outcome;
}

type Line = ({ n: number; at: number } & Intent) | { n: number; outcome: Outcome };

/** A file to which is only added: the intent before the question, the outcome after it. Whatever is judged is read back from there. */
export function openJournal() {
  const folder = mkdtempSync(join(tmpdir(), 'mutirao-journal-'));
  const file = join(folder, 'journal.jsonl');
  const handle = openSync(file, 'a');
  const open = new Map<number, number>();
  let entries = 0;
  let lastWrong = -Infinity;
  const write = (line: Line) => writeSync(handle, `${JSON.stringify(line)}\n`);

  return {
    intend(intent: Intent): number {
      const n = (entries += 1);
      const at = performance.now();
      write({ n, at, ...intent });
      open.set(n, at);
      return n;
    },
    hear(n: number, outcome: Outcome): void {
      write({ n, outcome });
      if (outcome.verdict !== 'right' && outcome.verdict !== 'left') lastWrong = Math.max(lastWrong, open.get(n)!);
      open.delete(n);
    },
    /** When something was last asked that was not answered as it should be, or has waited for its answer for longer than `patienceMs`. */
    lastWrongAt(patienceMs: number): number {
      const waits = [...open.values()].filter((at) => at < performance.now() - patienceMs);
      return Math.max(lastWrong, ...waits);
    },
    read(): Asked[] {
      const all = new Map<number, Asked>();
      for (const text of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
        const line = JSON.parse(text) as Line;
        if ('outcome' in line) all.get(line.n)!.outcome = line.outcome;
        else {
          const { n, ...asked } = line;
          all.set(n, asked);
        }
      }
      return [...all.values()];
    },
    close(): void {
      closeSync(handle);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Journal = ReturnType<typeof openJournal>;
