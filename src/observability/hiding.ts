const HIDDEN = '[hidden]';
const hiddenNames =
  /pass(word|wd)?$|secret|token|authorization|cookie|^otp|api_?key|secret_?key|brcode|^e?mail$|^phone$|^cpf$|^to$|^donor$/i;
const verdicts = new Map<string, boolean>();

const isHidden = (name: string) => {
  let verdict = verdicts.get(name);
  if (verdict === undefined) {
    verdict = hiddenNames.test(name);
    // Names come from code and, in logged objects, from callers: the memory stays bounded.
    if (verdicts.size < 2_000) verdicts.set(name, verdict);
  }
  return verdict;
};

/** Takes addresses of people, bearer tokens and credentials in URLs out of free text. */
export function scrub(text: string): string {
  if (!/[@]|bearer|mt_/i.test(text)) return text;
  return text
    .replace(/:\/\/[^\s/@]*@/g, `://${HIDDEN}@`)
    .replace(/\bbearer\s+\S+/gi, `Bearer ${HIDDEN}`)
    .replace(/\bmt_[\w-]+/g, HIDDEN)
    .replace(/[\w.+%-]+@[\w-]+(?:\.[\w-]+)+/g, HIDDEN);
}

export function hide(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (depth > 5) return '[deep]';
  if (value instanceof Error) return errorFacts(value, depth);
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => hide(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, isHidden(name) ? HIDDEN : hide(item, depth + 1)]));
}

function errorFacts(error: Error & { code?: unknown; cause?: unknown }, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: scrub(error.message),
    ...(error.code === undefined ? {} : { code: error.code }),
    stack: scrub(error.stack ?? ''),
    ...(error.cause === undefined ? {} : { cause: hide(error.cause, depth + 1) }),
  };
}
