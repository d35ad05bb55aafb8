import { plain, plainWords } from './words.js';
import { english, looksEnglish, looksPortuguese, portuguese } from './vocabulary.js';

export type Language = 'pt' | 'en';

/** What the built-in model understands of a question. */
export interface Question {
  language: Language;
  about: Subject;
  /** What is looked for, without the words of the question itself. */
  words: string[];
  /** What may be ids or slugs. */
  handles: string[];
  /** Whether it is about all campaigns at once. */
  overall: boolean;
}

/** The first that fits is what was asked. */
const cues = [
  [
    'thanks',
    /^\W*(?:ok |muito |many )?(?:obrigad[oa]|valeu|thanks|thank you)(?: (?:mesmo|demais|pela ajuda|a lot|so much|very much|for your help))?\W*$/,
  ],
  ['itself', /\bprompts?\b|\b(?:suas?|your|previous|prior|above|system) (?:instruc\w+|instructions?|regras|rules|mensage\w+|messages?)\b/],
  [
    'itself',
    /\binstruc(?:oes|tions) (?:anteriores|acima|above|ocultas)|\b(?:who are you|quem e voce|(?:what|which|que|qual) (?:ai )?model)/,
  ],
  ['donors', /\b(?:quem|who) (?:sao|are|foram|were|doou|doaram|deu|deram|gave|donated|has (?:given|donated))\b|\be-?mails?\b/],
  [
    'donors',
    /\b(?:nomes?|names?|lista?|telefones?|phones?) (?:d[eao]s?|of) (?:\w+ ){0,2}(?:doador\w*|donors?|givers?)|\bdonors?['’]?s? names?/,
  ],
  ['refund', /\b(?:reembols\w+|estorn\w+|devolver|devolucao|devolvem|refund\w*|money back|give back|dinheiro de volta)\b/],
  ['refund', /\bcancel(?:ar|o|ei|amento|ing|lation)?\b(?! (?:\w+ ){0,2}(?:campanha|vaquinha|campaign|fundraiser))/],
  ['receipt', /\b(?:recibos?|comprovantes?|receipts?)\b/],
  ['anonymity', /\b(?:anonim\w+|anonym\w+)\b/],
  [
    'guests',
    /\b(?:sem (?:\w+ )?(?:cadastro|conta|registro)|convidad[oa]s?|guests?|without (?:\w+ ){0,2}(?:account|registering|signing))\b/,
  ],
  [
    'giving',
    /\b(?:como|onde|quero|queria|gostaria de|posso) (?:\w+ ){0,2}(?:doar|doo|contribuir|dar|contribuo|doacao)\b|\bpix\b|\bcart(?:ao|oes)\b/,
  ],
  ['giving', /\b(?:how|where|want|like|can|could) (?:\w+ ){0,3}(?:donate|give|contribute|donation)\b|\bcards?\b/],
  ['giving', /\b(?:custa\w* (?:\w+ ){0,2}doar|costs? (?:\w+ ){0,2}(?:donate|give))\b/],
  [
    'unknown',
    /\b(?:criar|crio|comecar|comeco|iniciar|abrir|publicar|create|start|begin|publish) (?:\w+ ){0,2}(?:campanha|vaquinha|campaign|fundraiser)\b/,
  ],
  ['newest', /\b(?:mais (?:nov[ao]s?|recentes?)|ultimas? campanhas?|novidades?|campanhas? (?:novas?|recentes?))\b/],
  ['newest', /\b(?:newest|latest|most recent|(?:new|recent) (?:campaigns?|fundraisers?))\b/],
  ['ending', /\b(?:terminam|acabam|encerram|terminando|acabando|encerrando|perto do fim|ultimos dias)\b/],
  ['ending', /\b(?:termina|acaba|encerra)\w* (?:logo|em breve|hoje|amanha|primeiro)\b|\b(?:ending|closing|about to end|last days)\b/],
  ['ending', /\bends? (?:soon|soonest|today|tomorrow|first)\b/],
  ['closest', /\b(?:pert\w+|proxim\w+) d[aeo]s? (?:\w+ )?(?:metas?|objetivos?)\b|\bquase (?:la|na meta|complet\w+|atingi\w+)\b/],
  ['closest', /\b(?:clos\w+|near\w*) (?:to |from )?(?:\w+ )?(?:goals?|targets?)\b|\balmost (?:there|funded|done|at)\b/],
  ['ended', /\b(?:encerrad\w+|terminad\w+|finalizad\w+|concluid\w+|encerrou|terminou|acabou|ended|finished|past campaigns)\b/],
  ['richest', /\b(?:arrecad\w+|receb\w+|raised|got) (?:o |the )?(?:mais|most)\b|\bmais (?:arrecad\w+|receb\w+)\b/],
  ['count', /\b(?:quantas (?:campanhas|vaquinhas)|how many (?:campaigns|fundraisers))\b/],
  ['progress', /\b(?:quant[oa]s?|arrecad\w+|levantou|progresso|andamento|metas?|falta|faltam|prazo|quando)\b/],
  [
    'progress',
    /\b(?:how (?:much|far|many|close)|raised|progress|goals?|targets?|left|when (?:does|will|is)|deadline)\b|\bhow is\b.*\b(?:doing|going)\b/,
  ],
  ['search', /\b(?:campanhas?|vaquinhas?|causas?|projetos?|procur\w+|busc\w+|encontr\w+|mostr\w+|list\w*)\b/],
  ['search', /\b(?:campaigns?|fundraisers?|causes?|projects?|search\w*|find|show|look\w*)\b/],
  ['giving', /\b(?:doar|(?:fazer|faco) (?:\w+ )?doacao|(?:como|quero|queria|gostaria de|posso) (?:\w+ )?ajudar)\b/],
  ['giving', /\b(?:donate|make (?:\w+ )?donation|(?:how can i|how do i|want to|like to|let me) help)\b/],
] as const;
type Subject = (typeof cues)[number][0] | 'help' | 'anything';

const OVERALL = /\b(?:total|ao todo|plataforma|tod[ao]s as campanhas|mutirao|altogether|overall|platform|all (?:the )?campaigns|site)\b/;
const ID = /\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/gi;
const SLUG = /(?<![\w-])[a-z\d]+(?:-[a-z\d]+)+(?![\w-])/g;
const MOST_LETTERS = 2_000;
const MOST_WORDS = 8;
const MOST_HANDLES = 3;

export function understood(text: string): Question {
  const asked = text.slice(0, MOST_LETTERS);
  const line = plain(asked).replaceAll(/\s+/g, ' ');
  const words = new Set(
    plainWords(asked.replaceAll(ID, ' ')).filter((word) => word.length > 1 && !portuguese.has(word) && !english.has(word)),
  );
  const handles = new Set([...(line.match(ID) ?? []), ...(line.match(SLUG) ?? [])]);
  const about = cues.find(([, cue]) => cue.test(line))?.[0] ?? (words.size + handles.size > 0 ? 'anything' : 'help');
  return {
    ...{ language: languageOf(asked), about, overall: OVERALL.test(line) },
    words: [...words].slice(0, MOST_WORDS),
    handles: [...handles].slice(0, MOST_HANDLES),
  };
}

/** Portuguese, where nothing speaks for English. */
function languageOf(text: string): Language {
  let [pt, en] = [0, 0];
  for (const spelled of text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? []) {
    const word = plain(spelled);
    if (portuguese.has(word) !== english.has(word)) {
      if (portuguese.has(word)) pt += 2;
      else en += 2;
    } else if (looksPortuguese.test(spelled) || looksPortuguese.test(word)) pt += 1;
    else if (looksEnglish.test(word)) en += 1;
  }
  return en > pt ? 'en' : 'pt';
}
