import { z } from 'zod';

/** What a model wants to have looked up. */
export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** What one call of a model came to. */
export interface Heard {
  text: string;
  calls: ToolCall[];
  /** Why it ended, where it says so. */
  finish?: string;
}

// No text with the character NUL can be stored, and nothing is lost with it.
const text = z
  .string()
  .catch('')
  .transform((told) => told.replaceAll('\0', ''));
const call = z
  .object({ index: z.int().min(0).optional().catch(undefined), id: text, function: z.object({ name: text, arguments: text }) })
  .nullable()
  .catch(null);
const part = z
  .object({ content: text, refusal: text, tool_calls: z.array(call).catch([]) })
  .optional()
  .catch(undefined);
const choice = z.object({ delta: part, message: part, finish_reason: z.string().nullish().catch(null) });
const bodyShape = z.object({ choices: z.array(choice).catch([]) });

/** Puts together what comes in one piece or in many, as OpenAI's API has it. */
export class Hearing {
  private text = '';
  private finish?: string;
  private readonly calls = new Map<number, ToolCall>();

  /** More calls than so many at once are passed over. */
  constructor(private readonly mostCalls: number) {}

  /** The text that it adds. */
  add(body: Record<string, unknown>): string {
    const [first] = bodyShape.parse(body).choices;
    this.finish = first?.finish_reason ?? this.finish;
    const said = first?.delta ?? first?.message;
    if (!said) return '';
    said.tool_calls.forEach((piece, at) => {
      if (piece) this.addCall(piece.index ?? at, { id: piece.id, ...piece.function });
    });
    this.text += said.content + said.refusal;
    return said.content + said.refusal;
  }

  heard(): Heard {
    const calls = [...this.calls].sort(([one], [other]) => one - other).map(([, each]) => each);
    return { text: this.text, calls, finish: this.finish };
  }

  /** Its id and its name come once, its arguments piece by piece. */
  private addCall(index: number, piece: ToolCall): void {
    const begun = this.calls.get(index);
    if (begun) {
      begun.id ||= piece.id;
      begun.name ||= piece.name;
      begun.arguments += piece.arguments;
    } else if (this.calls.size < this.mostCalls) this.calls.set(index, piece);
  }
}
