/** How a letter that was not confirmed stands, and why, in words that tell nothing of it. */
export interface Unsent {
  status: 'waiting' | 'refused' | 'unknown';
  why: string;
}

interface SmtpFault {
  name?: string;
  code?: string;
  originalCode?: string;
  timeoutType?: string;
  command?: string;
  response?: string;
  responseCode?: number;
}

/** Told to the letter and not to us: elsewhere a refusal is about our sign-in, our address or our configuration. */
const ofTheLetter = ['RCPT TO', 'DATA'];
/** They want a sign-in, or a better one. */
const ofOurs = [530, 534, 535, 538];

/** `handed`: the server had begun to get the text, so that it may have taken the letter without our hearing of it. */
export function unsentOf(fault: unknown, handed: boolean): Unsent {
  const { code, command = '', responseCode = 0, ...rest } = (fault ?? {}) as SmtpFault;
  const why = wordsOf({ code, command, responseCode, ...rest });
  const answered = responseCode >= 400 && responseCode < 600;
  if (handed && !(answered && code === 'EMESSAGE')) return { status: 'unknown', why: `the letter was handed over, then ${why}` };
  const final = responseCode >= 500 && ofTheLetter.includes(command) && !ofOurs.includes(responseCode);
  return { status: final ? 'refused' : 'waiting', why };
}

// Of a reply only its numbers: its words may repeat an address or what is in the letter.
function wordsOf({ name, code, originalCode, timeoutType, command, response = '', responseCode }: SmtpFault): string {
  if (!responseCode) return `no answer came from the mail server: ${timeoutType ?? originalCode ?? code ?? name ?? 'closed'}`;
  const [, enhanced] = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response) ?? [];
  return `the mail server answered ${command} with ${[responseCode, enhanced].filter(Boolean).join(' ')}`;
}
