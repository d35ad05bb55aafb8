/** In each line every question differs from every other in one word that matters: none may have another's answer. */
const groups = [
  [
    'Quanto arrecadamos no mês passado?',
    'Quanto arrecadamos no ano passado?',
    'Quanto arrecadamos na semana passada?',
    'Quanto arrecadamos este mês?',
  ],
  ['Quantas doações por campanha?', 'Quantas doações por mês?', 'Quantas doações por dia?', 'Quantas doações por forma de pagamento?'],
  ['Quantas doações por pix?', 'Quantas doações por cartão?', 'Quantas doações sem pix?', 'Quantas doações anônimas?'],
  ['Quantas doações?', 'Quantos doadores?', 'Quantas campanhas?', 'Quantas mensagens?'],
  [
    'Quantas doações foram reembolsadas?',
    'Quantas doações não foram reembolsadas?',
    'Quantas doações expiraram?',
    'Quantas doações falharam?',
  ],
  ['Qual foi a maior doação?', 'Qual foi a menor doação?', 'Qual foi a doação média?', 'Qual campanha teve mais doações?'],
  [
    'Top 3 campanhas por valor arrecadado',
    'Top 5 campanhas por valor arrecadado',
    'Top 30 campanhas por valor arrecadado',
    'Top 3 meses por valor arrecadado',
  ],
  ['Doações acima de R$ 100', 'Doações acima de R$ 1000', 'Doações abaixo de R$ 100', 'Doações acima de R$ 101'],
  [
    'Arrecadação nos últimos 7 dias',
    'Arrecadação nos últimos 17 dias',
    'Arrecadação nos últimos 7 meses',
    'Arrecadação nas últimas 7 semanas',
  ],
  ['Quanto "Maria" arrecadou?', 'Quanto "Mario" arrecadou?', 'Quanto "maria" arrecadou ontem?', 'Quanto "Maria 2" arrecadou?'],
  ['How much did we raise in 2025?', 'How much did we raise in 2024?', 'How many donations in 2025?', 'How much did we raise before 2025?'],
  [
    'Which campaign has the most donors?',
    'Which campaign has the fewest donors?',
    'Which month has the most donors?',
    'Which campaign has the most donations?',
  ],
  ['Donations by day in March 2026', 'Donations by day in March 2025', 'Donations by day in May 2026', 'Donors by day in March 2026'],
  ['Messages that were read', 'Messages that were not read', 'Messages that were delivered', 'Messages that failed'],
  ['AI cost by model', 'AI tokens by model', 'AI calls by model', 'AI cost by day'],
  ['Donations paid by pix', 'Donations not paid by pix', 'Donations paid by card', 'Donations not paid by card'],
  [
    'Raised between 2026-01-01 and 2026-01-31',
    'Raised between 2026-01-01 and 2026-01-30',
    'Raised between 2025-01-01 and 2026-01-31',
    'Raised since 2026-01-01',
  ],
  ['Refunds minus donations', 'Donations minus refunds', 'Donations and refunds', 'Donations without refunds'],
] as const;

const pairsOf = (group: readonly string[]) => group.flatMap((one, at) => group.slice(at + 1).map((other) => [one, other] as const));

export const nearMisses: (readonly [string, string])[] = groups.flatMap(pairsOf);

/** The same question in other words. */
export const sameMeaning: (readonly [string, string])[] = [
  ['Quanto arrecadamos no mês passado?', 'QUANTO ARRECADAMOS, no mês passado'],
  ['Quantas doações recebemos por campanha?', 'Por campanha, quantas contribuições recebemos?'],
  ['Quantas doações foram reembolsadas?', 'Quantas doações foram estornadas?'],
  ['How many donors by month?', 'By month, how many supporters?'],
  ['Quais são as 3 campanhas que mais arrecadaram?', 'Quais as três campanhas que mais arrecadaram?'],
  ['How much did we raise in the last 30 days?', 'how much have we raised in the past 30 days'],
];
