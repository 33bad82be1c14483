const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/**
 * Python's strftime in English for the start of a day, whatever the locale of this machine. Unknown codes stay as they
 * are.
 *
 * @param date the day, as `26 Jul 2024` or `2024-07-26`
 */
export function strftime(date: string, format: string): string {
  const time = new Date(`${date} UTC`);
  if (Number.isNaN(time.getTime())) throw new Error(`a date such as "26 Jul 2024", got ${JSON.stringify(date)}`);
  const two = (value: number): string => String(value).padStart(2, '0');
  const month = MONTHS[time.getUTCMonth()]!;
  const day = DAYS[time.getUTCDay()]!;
  const codes: Readonly<Record<string, string>> = {
    Y: String(time.getUTCFullYear()),
    y: two(time.getUTCFullYear() % 100),
    m: two(time.getUTCMonth() + 1),
    d: two(time.getUTCDate()),
    B: month,
    b: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    H: '00',
    M: '00',
    S: '00',
    '%': '%',
  };
  return format.replace(/%(.)/gu, (text, code: string) => codes[code] ?? text);
}
