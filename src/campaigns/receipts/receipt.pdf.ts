import { buffer } from 'node:stream/consumers';
import { qrCodeOf, QUIET } from '../payments/qr.js';
import { reaisOf } from '../reais.js';
import type { Receipt } from './receipts.store.js';

const MARGIN = 64;
const LABELS = 110;
/** Of one module of the code. */
const SIDE = 3;
const GREY = '#666';

const paidAtOf = new Intl.DateTimeFormat('pt-BR', {
  timeZone: 'America/Sao_Paulo',
  ...({ day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit' } as const),
});

// What every reader has a font for: all of Windows-1252. The rest is beyond its fonts, and would be read as something else.
const STRANGE = /[^\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ][\p{M}\p{Cf}]*/gu;
const printable = (text: string): string => text.normalize('NFC').replaceAll(STRANGE, plainly);

/** Letters that are no plain one with a mark, as they are written where they are not known. */
const alike: Record<string, string> = { Ł: 'L', ł: 'l', Đ: 'D', đ: 'd', ı: 'i', Ħ: 'H', ħ: 'h', Ŧ: 'T', ŧ: 't', Ŋ: 'N', ŋ: 'n', ẞ: 'SS' };

/** Without its marks, where there is a plain letter below them. */
function plainly(strange: string): string {
  const [letter = ''] = strange.normalize('NFD');
  if (/^\p{M}$/u.test(letter)) return '';
  return alike[letter] ?? (/^[A-Za-z]$/.test(letter) ? letter : '?');
}

/** The same bytes for the same receipt, with which anyone can check it at that address. */
export async function receiptPdf(receipt: Receipt, address: string): Promise<Buffer> {
  // Loaded when first asked for: it takes a fifth of a second, and most processes print nothing.
  const { default: Pdf } = await import('pdfkit');
  const title = `Recibo de doação nº ${receipt.number}`;
  const info = { Title: title, Creator: 'Mutirão', Producer: 'Mutirão', CreationDate: receipt.issuedAt };
  // Unpacked: what packs it is not the same in every Node.
  const page = new Pdf({ size: 'A4', margin: MARGIN, compress: false, lang: 'pt-BR', displayTitle: true, info });
  const lines = [
    ['Doador', receipt.donorName === null ? 'Não informado' : printable(receipt.donorName)],
    ['Campanha', printable(receipt.campaignTitle)],
    ['Organização', printable(receipt.organizerName)],
    ['Pago em', `${paidAtOf.format(receipt.paidAt)} (horário de Brasília)`],
    ['Doação', receipt.donationId],
    ...(receipt.refunded ? [['Situação', 'Esta doação foi devolvida.']] : []),
  ];
  page.font('Helvetica-Bold').fontSize(20).text(title);
  page.fontSize(30).text(reaisOf(receipt.amountCents)).fontSize(12).moveDown();
  for (const [label = '', text = ''] of lines) {
    const { y } = page;
    page.font('Helvetica').fillColor(GREY).text(label, MARGIN, y);
    page
      .fillColor('black')
      .text(text, MARGIN + LABELS, y)
      .moveDown(0.5);
  }
  page
    .fontSize(9)
    .fillColor(GREY)
    .text('Qualquer pessoa pode conferir este recibo em:', MARGIN, page.y + MARGIN);
  page.text(address, { link: address });
  drawCode(page, address, MARGIN - QUIET * SIDE, page.y);
  page.end();
  return buffer(page);
}

function drawCode(page: PDFKit.PDFDocument, text: string, left: number, top: number): void {
  const code = qrCodeOf(text);
  for (let y = 0; y < code.size; y += 1)
    for (let x = 0; x < code.size; x += 1) {
      const from = x;
      while (x < code.size && code.isDark(x, y)) x += 1;
      if (x > from) page.rect(left + (QUIET + from) * SIDE, top + (QUIET + y) * SIDE, (x - from) * SIDE, SIDE);
    }
  page.fill('black');
}
