import { manyIn, momentIn, moneyIn, percentOf } from './figures.js';
import type { Sayings } from './sayings.js';
import { quoted } from './words.js';

const MOST_TITLE = 80;
const MOST_SUMMARY = 200;

const money = (cents: number) => moneyIn('pt', cents);
const campaigns = (many: number) => manyIn('pt', many, 'campanha', 'campanhas');
const donors = (many: number) => manyIn('pt', many, 'pessoa', 'pessoas');
const CAN_ASK =
  'Pergunte, por exemplo: “campanhas de creche”, “quanto falta para …”, “quais campanhas terminam logo”, “as mais novas”, “as mais perto da meta”, “quanto a plataforma arrecadou no total” ou “como doar”.';

export const portugueseSayings: Sayings = {
  help: `Olá! Sou o mutirao-offline, o modelo simples que vem com esta plataforma. Conheço só as campanhas públicas e sei explicar como doar. ${CAN_ASK}`,
  itself: `Sou o mutirao-offline, um modelo simples que responde por regras fixas, sem aprendizado de máquina. Não tenho instruções nem prompt de sistema que possa mostrar, e de uma conversa leio só a última pergunta. ${CAN_ASK}`,
  thanks: 'De nada! Se quiser saber mais das campanhas, é só perguntar.',
  unknown: `Isso eu não sei responder: sou um modelo simples que vem com a plataforma e conheço só as campanhas públicas. ${CAN_ASK}`,
  whichOne:
    'De qual campanha? Escreva o título dela, ou o nome que ela tem no endereço. Só conheço as campanhas públicas desta plataforma.',
  noneFound: 'Não achei campanha pública com essas palavras. Tente outras, ou pergunte “quais campanhas existem”.',
  noneThere: 'Não há nenhuma campanha assim agora.',
  noneOpen: 'Nenhuma campanha está aberta para doações agora.',
  donors:
    'Não digo quem doou, nem e-mails ou telefones: de cada campanha conto só quanto foi arrecadado e de quantas pessoas. Quem pede para doar sem nome fica sem nome também na lista pública de doações.',
  giving: [
    'Para doar: escolha uma campanha aberta, o valor (de R$ 1,00 a R$ 1.000.000,00) e Pix ou cartão, conforme o que esta instalação aceita. Não é preciso ter conta: convidados informam nome e e-mail.',
    'A doação conta quando o pagamento é confirmado; sem pagamento, ela expira depois de uma hora. Em seguida sai o recibo em PDF. Dá para pedir que seu nome não apareça.',
    'Eu mesmo não faço doações nem recebo dinheiro.',
  ].join(' '),
  refund:
    'A devolução é do valor inteiro, uma única vez, e quem a inicia é quem organiza a campanha ou a administração da plataforma: peça a eles. Quando o provedor de pagamento devolve o dinheiro, a soma da campanha diminui. Uma doação que ainda não foi paga não precisa ser cancelada: ela expira sozinha. Eu mesmo não faço devoluções.',
  receipt:
    'Cada doação confirmada recebe um recibo numerado em PDF, poucos segundos depois do pagamento. Quem doou com conta o encontra entre as suas doações; convidados, com o código de acompanhamento da doação. O código impresso nele mostra a qualquer pessoa se é verdadeiro, sem dizer quem doou.',
  anonymity:
    'Sim, dá para doar sem que o nome apareça: a lista pública de doações mostra só o valor e a mensagem, e a tabela de quem organiza vem sem nome e sem e-mail. E-mails nunca aparecem em público.',
  guests:
    'Sim, dá para doar sem ter conta: basta informar nome e e-mail. O código de acompanhamento que vem com a doação mostra depois o estado dela e o recibo.',
  open: (many) => `Há ${campaigns(many)} recebendo doações${many > 1 ? '; as mais novas primeiro' : ''}:`,
  found: (many, allWords) => `Achei ${campaigns(many)} ${allWords ? 'com isso' : 'com uma parte dessas palavras'}:`,
  newest: 'As campanhas abertas mais novas:',
  ended: 'As campanhas encerradas, as criadas por último primeiro:',
  richest: 'As campanhas que mais arrecadaram:',
  ending: 'As campanhas abertas que terminam primeiro:',
  closest: (most) => `As campanhas abertas mais perto da meta${most === undefined ? '' : ` (entre as ${most} que mais arrecadaram)`}:`,
  more: (many) => `E mais ${many}: pergunte com outras palavras para achá-las.`,
  totals: ({ total, open, summed, raisedCents }) =>
    `A plataforma tem ${campaigns(total)} à vista de todos, das quais ${open} recebendo doações. ${
      summed < total ? `As ${summed} que mais arrecadaram somam` : 'Juntas arrecadaram'
    } ${money(raisedCents)}.`,
  line: ({ title, slug, status, raisedCents, goalCents, donorCount, endsAt }) =>
    `- ${quoted(title, MOST_TITLE)} (${slug}): ${money(raisedCents)} de ${money(goalCents)} (${percentOf(raisedCents, goalCents)}), de ${donors(donorCount)}${
      status === 'ended' ? ', encerrada' : endsAt ? `, até ${momentIn('pt', endsAt)}` : ''
    }`,
  progress: ({ title, slug, summary, status, raisedCents, goalCents, donorCount, endsAt }) =>
    [
      `A campanha ${quoted(title, MOST_TITLE)} (${slug}) arrecadou ${money(raisedCents)} de ${money(goalCents)} (${percentOf(raisedCents, goalCents)}), de ${donors(donorCount)}.`,
      raisedCents < goalCents ? `Faltam ${money(goalCents - raisedCents)}.` : 'A meta foi alcançada.',
      status === 'ended'
        ? 'Ela já encerrou.'
        : endsAt
          ? `Vai até ${momentIn('pt', endsAt)}, no horário de Brasília.`
          : 'Não tem data para terminar.',
      `Resumo de quem a organiza: ${quoted(summary, MOST_SUMMARY)}`,
    ].join(' '),
};
