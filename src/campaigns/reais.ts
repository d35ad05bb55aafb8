/** 1234 is `12.34`, without ever being a fraction. */
export function decimalOf(cents: number): string {
  if (!Number.isSafeInteger(cents) || cents < 0) throw new RangeError(`${cents} is no amount of cents`);
  const digits = String(cents).padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** `12.34` is 1234; `undefined` for what is not written like that. */
export const centsOf = (reais: string): number | undefined =>
  /^\d{1,10}\.\d{2}$/.test(reais) ? Number(reais.replace('.', '')) : undefined;

/** As people in Brazil write it. */
export function reaisOf(cents: number): string {
  const [whole = '', rest = ''] = decimalOf(cents).split('.');
  return `R$ ${whole.replaceAll(/\B(?=(\d{3})+$)/g, '.')},${rest}`;
}
