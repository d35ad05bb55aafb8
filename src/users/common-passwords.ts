/** What people write behind a word to make it a password. */
const TAIL = /[\d\p{P}\p{S}]{1,12}$/u;
/** What the list of the whole world lacks. */
const here = ['mutirao', 'mutirão', 'corinthians', 'palmeiras', 'saopaulo', 'gremio', 'grêmio', 'internacional', 'cruzeiro', 'brasil'];
const REPEATED = /^(.{1,6})\1+$/u;
const LEAST_LETTERS = 4;
const looks: Record<string, string> = { '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's', '!': 'i' };

let known: Promise<ReadonlySet<string>> | undefined;

// Two megabytes that most processes never need.
async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set([...dictionary['passwords-common'], ...here]);
}

/** Whether it is among the first that anyone would try: a common one, one with a tail or in disguise, or the person's own words. */
export async function isCommonPassword(password: string, own: readonly string[] = []): Promise<boolean> {
  const common = await (known ??= load());
  const whole = password.toLowerCase();
  const bare = whole.replace(TAIL, '');
  const forms = [whole, bare, plain(whole), plain(bare)];
  if (new Set(whole).size <= 2 || isRun(whole) || REPEATED.test(whole)) return true;
  if (forms.some((form) => form.length >= LEAST_LETTERS && common.has(form))) return true;
  const words = own.map((word) => word.toLowerCase()).filter((word) => word.length >= LEAST_LETTERS);
  return forms.some((form) => words.includes(form));
}

const plain = (text: string) => text.replaceAll(/[013457@$!]/g, (sign) => looks[sign] ?? sign);

/** 1234567890, abcdefghij, or these backwards. */
function isRun(text: string): boolean {
  const codes = Array.from(text, (sign) => sign.codePointAt(0) ?? 0);
  const steps = new Set(codes.slice(1).map((code, at) => code - (codes[at] ?? 0)));
  return steps.size === 1 && Math.abs([...steps][0] ?? 0) <= 1;
}
