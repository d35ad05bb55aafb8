/**
 * What questions may be about, in the words that people use for it. A `*` stands for one of the endings below, so that numbers,
 * genders and the past need no words of their own; accents and case are left out. Where several fit, the longest does.
 */
export const vocabulary = {
  money:
    'arrecad* / entrou / entraram / levant* / capt* / receita* / dinheiro / valor arrecadado / total arrecadado / raise* / raising / money / amount / amount raised / money raised / revenue / funds',
  gifts: 'doac* / contribuic* / donation* / gift* / contribution*',
  donors:
    'doador / doadores / apoiador / apoiadores / pessoas doaram / pessoas diferentes / donor* / giver* / supporter* / people gave / people donated / people donate',
  campaigns: 'campanha* / campaign* / vaquinha*',
  messages: 'mensage* / message* / whatsapp messages / mensage* de whatsapp / mensage* do whatsapp / mensage* por whatsapp',
  ai: 'ia / ai / inteligencia artificial / artificial intelligence',
  tokens: 'token*',
  calls: 'chamada* / call*',

  howMuch: 'quanto / how much / quantia / que valor / qual valor / soma / sum',
  howMany: 'quantas / quantos / how many / number of / numero de / quantidade de / contagem de / count of',
  average: 'media / medio / valor medio / ticket medio / average / mean / average value / average amount',
  largest: 'maior / maiores / largest / biggest / highest / maxima / maximo / maximum',
  smallest: 'menor / menores / lowest / smallest / minima / minimo / minimum',
  conversion: 'taxa de conversao / conversao / conversion rate / conversion',
  readRate: 'taxa de leitura / taxa de abertura / read rate / open rate',
  deliveryRate: 'taxa de entrega / delivery rate',
  cost: 'gast* / cust* / cost / costs / spend / spent / spending',
  goal: 'meta / metas / goal / goals',
  remaining: 'falta / faltam / falta arrecadar / falta levantar / missing / remaining / left to raise',

  refunded: 'reembols* / estorn* / devolvid* / refund* / refunded',
  pending: 'pendente* / pending',
  expired: 'expirou / expiraram / expirad* / vencid* / expired',
  failed: 'falh* / failed',
  confirmed: 'confirmad* / pagas / pago / confirmed / paid',
  active: 'ativa / ativas / active',
  paused: 'pausad* / paused',
  ended: 'encerrad* / terminad* / ended / finished',
  draft: 'rascunho* / draft*',
  delivered: 'entregue / entregues / delivered',
  read: 'lida / lidas / read',
  sent: 'enviad* / sent',
  suppressed: 'suprimid* / suppressed',
  queued: 'na fila / queued / waiting',
  anonymous: 'anonim* / anonymous*',
  pix: 'pix',
  card: 'cartao / cartoes / cartao de credito / card / cards / credit card',
  broadcast: 'transmiss* / broadcast*',
  created: 'criad* / created',
  not: 'nao / sem / exceto / not / without / except / excluding / with no / have no / has no / had no / got no',

  per: 'por / por cada / em cada / para cada / cada / by / per / each / for each / in each / by each',
  day: 'dia / dias / day / days',
  week: 'semana / semanas / week / weeks',
  month: 'mes / meses / month / months',
  year: 'ano / anos / year / years',
  weekday: 'dia da semana / dias da semana / day of the week / day of week / weekday / weekdays',
  method:
    'forma de pagamento / formas de pagamento / meio de pagamento / metodo de pagamento / metodo / payment method / payment methods / method',
  status: 'status / situacao',
  model: 'modelo / modelos / model / models',
  category: 'categoria / categorias / category / categories',
  template: 'template / templates',
  daily: 'diari* / daily',
  weekly: 'semanal / semanais / weekly',
  monthly: 'mensal / mensais / monthly',
  yearly: 'anual / anuais / yearly / annual',

  which: 'qual / quais / which / que / em que / em qual / in which / what',
  top: 'top / ranking / melhor / melhores / best',
  most: 'mais / most / largest number of / the most',
  fewest: 'menos / fewest / least / pior / piores / worst',
  above: 'acima de / mais de / maior que / maiores que / superior a / superiores a / above / over / more than / greater than / larger than',
  below: 'abaixo de / menos de / menor que / menores que / inferior a / inferiores a / below / under / less than / smaller than',
  also: 'e / and / e quanto a / what about / how about / e os / e as / e o / e a',
} as const;

export type Concept = keyof typeof vocabulary;

/** What a `*` may stand for; what has not happened yet has other endings. */
export const endings = new Set(' s a as o os e es m ns ao oes am ou aram amos ado ada ados adas acao acoes d'.split(' '));

/** Words that say nothing here. */
export const silent = new Set(
  `a o as os um uma uns umas de da do das dos d em na nos nas com para pra pelo pela pelos pelas ao aos que se foi foram e sao esta estao estavam ser era
  eram tem temos ha houve tivemos recebemos recebeu recebido receberam fizemos teve tiveram nossa nossas nosso nossos me mostre mostra diga liste lista ver quero saber
  total todo toda todos todas favor obtivemos conseguimos feitas feita feitos deram doaram durante
  the an of in on at to for with is are was were be been did do does we our us it its get got receive received have has had there me show tell list give gave please
  all any and what made donated doing many much i want know paid using via number total overall that which during`
    .split(/\s+/)
    .filter((word) => word !== ''),
);

/** Such of them as make another time of the one that they stand before. */
export const notBeforeTimes = new Set('to with com para pra pelo pela pelos pelas ao aos at via using que'.split(' '));

/** Questions that are always understood, for whoever was not. */
export const suggestions = {
  pt: [
    'Quanto arrecadamos no mês passado?',
    'Quantas doações recebemos por campanha este ano?',
    'Quais são as 5 campanhas que mais arrecadaram nos últimos 3 meses?',
    'Qual foi o valor médio das doações nos últimos 30 dias?',
    'Quantos doadores temos por mês?',
    'Mensagens por status nos últimos 30 dias',
  ],
  en: [
    'How much did we raise last month?',
    'How many donations by campaign this year?',
    'Top 5 campaigns by amount raised in the last 3 months',
    'What was the average donation in the last 30 days?',
    'How many donors by month?',
    'Messages by status in the last 30 days',
  ],
} as const;
export type Language = keyof typeof suggestions;
