import { incompleteTail } from './utf8-tail.ts';

/** Ids to text, one id at a time; the texts joined are the text of all ids, and none of them cuts a character. */
export interface TextStream {
  /** The text that is final once this id is known: empty while a character is not complete. */
  push(id: number): string;
  /** What is left: the replacement characters of a sequence that ended inside a character. The stream starts anew. */
  end(): string;
}

/** What an id stands for in a byte-level vocabulary: bytes, the text of an added token, or nothing. */
export type TokenPart = TokenBytes | string | undefined;

interface TokenBytes {
  readonly bytes: Uint8Array;
  /** The text of the bytes, if they are whole characters. */
  readonly text?: string;
}

/** Bytes with their text. */
export function tokenPart(bytes: Uint8Array): TokenBytes {
  try {
    return { bytes, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { bytes };
  }
}

// A byte-order mark is a character like any other here.
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The text of byte-level tokens, exact and in constant time an id: the bytes of all tokens between two added ones are
 * one UTF-8 text, whose whole characters are given out as they are complete.
 */
export class ByteTextStream implements TextStream {
  readonly #partOf: (id: number) => TokenPart;
  /** The start of a character, or nothing. */
  #tail = new Uint8Array(0);

  constructor(partOf: (id: number) => TokenPart) {
    this.#partOf = partOf;
  }

  push(id: number): string {
    const part = this.#partOf(id);
    if (part === undefined) return '';
    // An added token ends the text before it, complete or not.
    if (typeof part === 'string') return this.end() + part;
    if (this.#tail.length === 0 && part.text !== undefined) return part.text;
    const bytes = new Uint8Array(this.#tail.length + part.bytes.length);
    bytes.set(this.#tail);
    bytes.set(part.bytes, this.#tail.length);
    const cut = bytes.length - incompleteTail(bytes);
    this.#tail = bytes.slice(cut);
    return UTF8.decode(bytes.subarray(0, cut));
  }

  end(): string {
    const text = UTF8.decode(this.#tail);
    this.#tail = new Uint8Array(0);
    return text;
  }
}

/**
 * The text of any other tokens. Their decoders look at neighbours (the first space is stripped, words are joined by
 * spaces), so an id is decoded after the ids that gave the last text, and what it adds is its text: the windowed
 * detokenisation of streaming servers.
 */
export class WindowTextStream implements TextStream {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #byteOf: (id: number) => number | undefined;
  #window: number[] = [];
  /** Ids at the start of the window whose text was given out, and the length of that text. */
  #doneIds = 0;
  #doneLength = 0;

  /**
   * @param decode the text of ids
   * @param byteOf the byte of an id that stands for one byte of UTF-8 (`<0xE2>`); only these cut characters
   */
  constructor(decode: (ids: readonly number[]) => string, byteOf: (id: number) => number | undefined) {
    this.#decode = decode;
    this.#byteOf = byteOf;
  }

  push(id: number): string {
    this.#window.push(id);
    if (endsInsideCharacter(this.#window, this.#byteOf)) return '';
    const text = this.#decode(this.#window).slice(this.#doneLength);
    this.#window = this.#window.slice(this.#doneIds);
    this.#doneIds = this.#window.length;
    this.#doneLength = this.#decode(this.#window).length;
    return text;
  }

  end(): string {
    const text = this.#decode(this.#window).slice(this.#doneLength);
    this.#window = [];
    this.#doneIds = 0;
    this.#doneLength = 0;
    return text;
  }
}

/** Whether the byte tokens at the end are the start of a character whose other bytes may still come. */
function endsInsideCharacter(ids: readonly number[], byteOf: (id: number) => number | undefined): boolean {
  const bytes: number[] = [];
  for (let i = ids.length - 1; i >= 0 && bytes.length < 3; i--) {
    const byte = byteOf(ids[i]!);
    if (byte === undefined) break;
    bytes.unshift(byte);
  }
  return incompleteTail(bytes) > 0;
}
