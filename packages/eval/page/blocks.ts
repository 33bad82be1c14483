import {
  type BlockHead,
  type BlockRow,
  type CompletionIndex,
  LEVELS,
  NO_VALUE,
  type Signal,
} from '../src/report/page-data.ts';
import { unpack } from './packed.ts';

/** A completion as it is shown. */
export interface Completion {
  readonly prompt: string;
  readonly row: BlockRow;
  /** The text of each token; one piece where tokens are not known. */
  readonly pieces: readonly string[];
  readonly values: Readonly<Partial<Record<Signal, readonly (number | null)[]>>>;
}

interface Block {
  readonly head: BlockHead;
  readonly bytes: Uint8Array;
  /** Where the planes begin. */
  readonly planes: number;
}

/** The blocks of a page; each is unpacked when one of its completions is first asked for. */
export class Blocks {
  readonly #texts: readonly string[];
  readonly #index: CompletionIndex;
  readonly #blocks: (Promise<Block> | undefined)[] = [];

  constructor(texts: readonly string[], index: CompletionIndex) {
    this.#texts = texts;
    this.#index = index;
  }

  async at(completion: number): Promise<Completion> {
    const starts = this.#index.blocks;
    const number = starts.findLastIndex((start) => start <= completion);
    return completionOf(await this.#block(number), completion - starts[number]!, this.#index);
  }

  /** The completions of a block whose text, prompt or answer holds a text, lower case. */
  async search(block: number, wanted: string): Promise<number[]> {
    const { head } = await this.#block(block);
    const first = this.#index.blocks[block]!;
    const prompts = head.prompts.map((text) => text.toLowerCase().includes(wanted));
    return head.rows.flatMap((row, i) => {
      const isFound =
        prompts[row.p] === true ||
        row.text.toLowerCase().includes(wanted) ||
        row.answer?.toLowerCase().includes(wanted) === true;
      return isFound ? [first + i] : [];
    });
  }

  #block(number: number): Promise<Block> {
    this.#blocks[number] ??= readBlock(this.#texts[number]!);
    return this.#blocks[number]!;
  }
}

async function readBlock(text: string): Promise<Block> {
  const bytes = await unpack(text);
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as BlockHead;
  return { head, bytes, planes: 4 + length };
}

function completionOf({ head, bytes, planes }: Block, at: number, { signals }: CompletionIndex): Completion {
  const size = (bytes.length - planes) / 2;
  const read = (i: number): number => bytes[planes + i]! + 256 * bytes[planes + size + i]!;
  const lengths = head.rows.reduce((sum, row) => sum + row.n, 0);
  let firstLength = 0;
  let firstValue = lengths;
  for (const row of head.rows.slice(0, at)) {
    firstLength += row.n;
    firstValue += row.n * row.signals.length;
  }
  const row = head.rows[at]!;
  const pieces: string[] = [];
  let character = 0;
  for (let t = 0; t < row.n; t++) {
    const end = character + read(firstLength + t);
    pieces.push(row.text.slice(character, end));
    character = end;
  }
  const values: Partial<Record<Signal, (number | null)[]>> = {};
  row.signals.forEach((signal, s) => {
    const { low, high } = signals[signal]!;
    values[signal] = pieces.map((_, t) => {
      const level = read(firstValue + s * row.n + t);
      return level === NO_VALUE ? null : low + (level / LEVELS) * (high - low);
    });
  });
  return { prompt: head.prompts[row.p]!, row, pieces: row.n === 0 ? [row.text] : pieces, values };
}
