import { ToolError } from '@dawngrad/tensor';

/** Random access to the bytes of one file, wherever it lives. */
export interface ByteSource {
  /** The name shown in messages. */
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; rejects with ToolError 'corrupt' when the file ends before. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** The files of one model directory: the only way in which model code reaches files, so that it runs in a browser too. */
export interface ModelFiles {
  /** Where the files are, for messages. */
  readonly label: string;
  /** Names of the files, sorted; folders are left out. */
  list(): Promise<readonly string[]>;
  /** Rejects with ToolError 'config' when there is no such file. */
  open(name: string): Promise<ByteSource>;
  /** The whole file as UTF-8 text. Over `capBytes`, or not UTF-8: ToolError 'corrupt'. */
  readText(name: string, capBytes: number): Promise<string>;
}

/** Sink of a file that is written from front to back. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

/** Reads the whole of `source`, at most `capBytes`, as UTF-8. A byte-order mark is dropped. */
export async function readUtf8(source: ByteSource, capBytes: number): Promise<string> {
  if (source.size > capBytes) {
    throw new ToolError('corrupt', {
      op: source.name,
      expected: `at most ${capBytes} bytes`,
      got: `${source.size} bytes`,
      hint: 'This does not look like the file its name promises.',
    });
  }
  return decodeUtf8(source.name, await source.read(0, source.size));
}

/** Decodes UTF-8 and refuses malformed bytes instead of replacing them. */
export function decodeUtf8(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ToolError('corrupt', { op: name, expected: 'UTF-8 text', got: 'bytes that are not UTF-8', cause });
  }
}

/** A directory that is being written: each file once, front to back. */
export interface DirectorySink {
  /** Writes the file `name` (plain, or with `/` for folders) through the sink that `fill` gets. */
  writeFile(name: string, fill: (sink: ByteSink) => Promise<void>): Promise<void>;
}
