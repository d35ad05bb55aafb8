import { manyIn, momentIn, moneyIn, percentOf } from './figures.js';
import type { Sayings } from './sayings.js';
import { quoted } from './words.js';

const MOST_TITLE = 80;
const MOST_SUMMARY = 200;

const money = (cents: number) => moneyIn('en', cents);
const campaigns = (many: number) => manyIn('en', many, 'campaign', 'campaigns');
const donors = (many: number) => manyIn('en', many, 'donor', 'donors');
const CAN_ASK =
  'You can ask, for example: “animal shelters”, “how much is left for …”, “which campaigns end soon”, “the newest ones”, “closest to their goal”, “how much has the platform raised in total” or “how to donate”.';

export const englishSayings: Sayings = {
  help: `Hello! I am mutirao-offline, the simple model that comes with this platform. I know only its public campaigns, and can tell how to give. ${CAN_ASK}`,
  itself: `I am mutirao-offline, a simple model that answers by fixed rules, without machine learning. I have no instructions and no system prompt that I could show, and of a conversation I read only the last question. ${CAN_ASK}`,
  thanks: 'You are welcome! If you want to know more about the campaigns, just ask.',
  unknown: `That I cannot answer: I am a simple model that comes with the platform, and know only its public campaigns. ${CAN_ASK}`,
  whichOne: 'Of which campaign? Write its title, or the name it has in its address. I know only the public campaigns of this platform.',
  noneFound: 'I found no public campaign with these words. Try others, or ask “what campaigns are there”.',
  noneThere: 'There is no such campaign at the moment.',
  noneOpen: 'No campaign is open for gifts at the moment.',
  donors:
    'I do not tell who gave, nor e-mails or phone numbers: of each campaign I tell only how much was raised and from how many donors. Whoever asks to give without a name has none in the public list of gifts either.',
  giving: [
    'To give: choose an open campaign, an amount (from R$ 1.00 to R$ 1,000,000.00) and Pix or card, whichever this installation takes. You need no account: guests tell a name and an e-mail address.',
    'The gift counts once its payment is confirmed; unpaid, it expires after an hour. The receipt, a PDF, follows. You may ask that your name is not shown.',
    'I myself can neither give nor take money.',
  ].join(' '),
  refund:
    'A refund is of the whole amount, once, and is begun by whoever organizes the campaign or by the administrators of the platform: ask them. When the payment provider has given the money back, the sum of the campaign falls. A gift that is not paid yet need not be cancelled: it simply expires. I myself cannot refund anything.',
  receipt:
    'Each confirmed gift gets a numbered receipt as a PDF, a few seconds after its payment. Whoever gave with an account finds it with his gifts; guests, with the status token of their gift. The code printed on it shows anyone whether it is genuine, without telling who gave.',
  anonymity:
    'Yes, you can give without your name being shown: the public list of gifts shows only amount and message, and the organizer’s table has neither name nor e-mail. E-mails are never public.',
  guests:
    'Yes, you can give without an account: a name and an e-mail address are enough. The status token that comes with the gift shows later how it stands, and its receipt.',
  open: (many) => `${campaigns(many)} ${many === 1 ? 'takes' : 'take'} gifts now${many > 1 ? ', the newest first' : ''}:`,
  found: (many, allWords) => `I found ${campaigns(many)} ${allWords ? 'for that' : 'with some of these words'}:`,
  newest: 'The newest open campaigns:',
  ended: 'Campaigns that have ended, the latest created first:',
  richest: 'The campaigns that raised most:',
  ending: 'The open campaigns that end first:',
  closest: (most) => `The open campaigns closest to their goal${most === undefined ? '' : ` (among the ${most} that raised most)`}:`,
  more: (many) => `And ${many} more: ask with other words to find them.`,
  totals: ({ total, open, summed, raisedCents }) =>
    `The platform shows ${campaigns(total)} to everybody, of which ${open} ${open === 1 ? 'takes' : 'take'} gifts now. ${
      summed < total ? `The ${summed} that raised most have` : 'Together they have'
    } raised ${money(raisedCents)}.`,
  line: ({ title, slug, status, raisedCents, goalCents, donorCount, endsAt }) =>
    `- ${quoted(title, MOST_TITLE)} (${slug}): ${money(raisedCents)} of ${money(goalCents)} (${percentOf(raisedCents, goalCents)}), from ${donors(donorCount)}${
      status === 'ended' ? ', ended' : endsAt ? `, until ${momentIn('en', endsAt)}` : ''
    }`,
  progress: ({ title, slug, summary, status, raisedCents, goalCents, donorCount, endsAt }) =>
    [
      `The campaign ${quoted(title, MOST_TITLE)} (${slug}) has raised ${money(raisedCents)} of ${money(goalCents)} (${percentOf(raisedCents, goalCents)}), from ${donors(donorCount)}.`,
      raisedCents < goalCents ? `${money(goalCents - raisedCents)} is left.` : 'The goal is reached.',
      status === 'ended' ? 'It has ended.' : endsAt ? `It runs until ${momentIn('en', endsAt)}, São Paulo time.` : 'It has no end date.',
      `Its organizer’s summary: ${quoted(summary, MOST_SUMMARY)}`,
    ].join(' '),
};
