const HIDDEN = '[hidden]';
const LONGEST = 8_000;
const MOST_ITEMS = 50;
const DEEPEST = 5;

const hiddenNames =
  /pass(word|wd|phrase)?$|secret|token|authorization|credential|cookie|^otp|api[-_]?key|secret[-_]?key|private[-_]?key|brcode|e?mail$|phone|cpf|^to$|^donor$/i;
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

// Repetitions that can begin anywhere have an upper limit: otherwise a long word costs its square in time.
const secrets: [what: RegExp, instead: string][] = [
  [/:\/\/[^\s"'<>]{0,300}@/g, `://${HIDDEN}@`],
  [/[^\s@"'<>()=,:]{1,64}@[^\s@"'<>()=,:.]{1,255}\.[^\s@"'<>()=,:]{1,255}/g, HIDDEN],
  [/\bbearer\s+\S+/gi, `Bearer ${HIDDEN}`],
  [/((?:password|passwd|secret|token|api_?key)(?:=|"\s{0,9}:\s{0,9}"))[^\s&"',;]+/gi, `$1${HIDDEN}`],
  [/\bmt_[\w-]+/g, HIDDEN],
  [/\bsk-[\w-]{16,}/g, HIDDEN],
  [/\beyJ[\w-]{8,}\.[\w.-]+/g, HIDDEN],
  [/\b\d{3}\.\d{3}\.\d{3}-\d\d\b/g, HIDDEN],
  [/\+\d{1,3}[\s(]{0,2}\d\d[\s)]{0,2}\d{4,5}[\s-]?\d{4}\b/g, HIDDEN],
];

const suspicious = /[@+=]|"\s*:|bearer|mt_|sk-|eyJ|\d\.\d{3}-/i;

/** Takes people's addresses and numbers, tokens and credentials out of free text, and cuts what is too long for a log. */
export function scrub(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}… ${text.length} characters` : text;
  if (!suspicious.test(short)) return short;
  return secrets.reduce((rest, [what, instead]) => rest.replace(what, instead), short);
}

export function hide(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth > DEEPEST) return '[deep]';
  if (value instanceof Error) return errorFacts(value, depth);
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item) => hide(item, depth + 1));
  if (knowsJson(value)) return hide(value.toJSON(), depth + 1);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, isHidden(name) ? HIDDEN : hide(item, depth + 1)]));
}

const knowsJson = (value: object): value is { toJSON: () => unknown } => 'toJSON' in value && typeof value.toJSON === 'function';

function errorFacts(error: Error & { code?: unknown }, depth: number): Record<string, unknown> {
  const { name, message, code, stack = '', cause } = error;
  return {
    type: name,
    message: scrub(message),
    ...(code === undefined ? {} : { code }),
    stack: scrub(stack),
    ...(cause === undefined ? {} : { cause: hide(cause, depth + 1) }),
    ...(error instanceof AggregateError ? { errors: hide(error.errors, depth + 1) } : {}),
  };
}
