const out = [
  'SAIR',
  'PARAR',
  'PARE',
  'STOP',
  'CANCELAR',
  'CANCEL',
  'DESCADASTRAR',
  'DESINSCREVER',
  'REMOVER',
  'UNSUBSCRIBE',
  'QUIT',
  'PARAR PROMOCOES',
  'STOP PROMOTIONS',
];
const back = ['VOLTAR', 'START'];

/** The one word of a message, without what people put around it. */
const wordOf = (text: string): string =>
  text
    .slice(0, 100)
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}]/gu, '')
    .replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')
    .toUpperCase();

/** Only where the whole message is the word: many a sentence holds it. */
export const wantsOut = (text: string): boolean => out.includes(wordOf(text));

export const wantsBackIn = (text: string): boolean => back.includes(wordOf(text));
