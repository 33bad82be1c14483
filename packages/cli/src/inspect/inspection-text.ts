import { plainText } from '../ui/plain-text.ts';
import { byteCount } from '../ui/progress-bytes.ts';
import type { Inspection } from './inspection.ts';
import { groupTensors, type TensorGroup } from './tensor-groups.ts';

const LABEL_WIDTH = 12;
const MIN_NAME_WIDTH = 24;

export interface InspectionTextOptions {
  /** Characters of a line. */
  readonly width: number;
  /** List every tensor instead of one line for the same tensor of all layers. */
  readonly isLong: boolean;
}

/** The report for people. */
export function inspectionText(inspection: Inspection, { width, isLong }: InspectionTextOptions): string {
  const { path, kind, files, tensors, parameters, memoryBytes, facts, verified, notes } = inspection;
  const stored = tensors.reduce((total, { bytes }) => total + bytes, 0);
  const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))].join(', ');
  const shards = files.length === 1 ? files[0]!.name : `${files.length} files`;
  const groups = isLong ? tensors.map((tensor) => ({ ...tensor, count: 1 })) : groupTensors(tensors);
  const rows: (readonly [string, string])[] = [
    [kind, path],
    ...facts,
    ['parameters', parameters.toLocaleString('en-US')],
    ['stored', `${byteCount(stored)} in ${shards}: ${tensors.length} tensors, ${dtypes || 'none'}`],
    [
      'memory',
      Object.entries(memoryBytes)
        .map(([format, bytes]) => `${format} ${byteCount(bytes)}`)
        .join(' | '),
    ],
  ];
  const lines = [
    ...rows.flatMap(([label, text]) => wrapped(label, text, width)),
    '',
    ...tensorTable(groups, width),
    '',
    ...verified.flatMap((text, i) => wrapped(i === 0 ? 'verified' : '', text, width)),
    ...notes.flatMap((text) => wrapped('note', text, width)),
  ];
  return `${plainText(lines.join('\n'))}\n`;
}

/** A label and words that go on under one another where the line is too short. */
function wrapped(label: string, text: string, width: number): string[] {
  const room = Math.max(20, width - LABEL_WIDTH);
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line, i) => `${(i === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`);
}

function tensorTable(groups: readonly TensorGroup[], width: number): string[] {
  const cells = groups.map(({ name, dtype, shape, count, bytes }) => [
    name,
    dtype,
    `[${shape.join(', ')}]`,
    count === 1 ? '' : `x ${count}`,
    byteCount(bytes),
  ]);
  const header = ['tensor', 'type', 'shape', '', 'bytes'];
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  const others = widths.slice(1).reduce((sum, column) => sum + column + 2, 0);
  widths[0] = Math.min(widths[0]!, Math.max(MIN_NAME_WIDTH, width - others));
  return [header, ...cells].map((row) =>
    row
      .map((cell, i) => (i < 3 ? shortened(cell, widths[i]!).padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** The end of a name tells more than its middle. */
function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.floor((width - 3) * 0.6);
  return `${text.slice(0, width - 3 - end)}...${text.slice(text.length - end)}`;
}
