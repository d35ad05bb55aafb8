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
  ['How many donations with pix last week?', 'How many donations with no pix last week?', 'How many donations without card last week?'],
  ['Quantas doações por pix, não por cartão?', 'Quantas doações por cartão, não por pix?', 'Quantas doações por pix e por cartão?'],
  ['Quais categorias arrecadaram mais?', 'Qual categoria arrecadou mais?', 'Quais categorias arrecadaram menos?'],
  ['Qual campanha arrecadou mais?', 'Quais campanhas arrecadaram mais?', 'Qual campanha arrecadou menos?'],
  ['Which campaign raised the most?', 'Which campaigns raised the most?', 'Which 2 campaigns raised the most?'],
  ['Quanto arrecadamos em 2025?', 'Quanto arrecadamos até 2025?', 'Quanto arrecadamos desde 2025?', 'Quanto arrecadamos em 2025 e 2026?'],
  ['Donations by month = 100', 'Donations by month > 100', 'Donations by month', 'Donations by month != 100'],
  ['Quantas doações > R$ 100?', 'Quantas doações < R$ 100?', 'Quantas doações >= R$ 100?', 'Quantas doações R$ 100?'],
  ['Donations from pix to card', 'Donations to pix from card', 'Donations by pix and card'],
  ['Doações 中国?', 'Doações 日本?', 'Doações か?', 'Doações が?', 'Doações?'],
  ['Quantas doações sem pix e cartão?', 'Quantas doações sem pix e com cartão?', 'Quantas doações sem cartão?'],
  ['Donations above R$ 100 and below R$ 200', 'Donations above R$ 100', 'Donations below R$ 200', 'Donations above R$ 200'],
  ['Doações em 5 de outubro', 'Doações em outubro', 'Doações em 15 de outubro', 'Doações até 5 de outubro'],
  ['Donations since 2026-11-01', 'Donations on 2026-11-01', 'Donations until 2026-11-01', 'Donations from 2026-11-01 to 2026-11-02'],
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
