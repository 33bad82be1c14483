import { ToolError } from '@dawngrad/tensor';
import type { ModelFiles } from '../io/byte-source.ts';

/** The bytes of the files that make up a tokenizer, by name. */
export type TokenizerFiles = ReadonlyMap<string, Uint8Array>;

/** Far above any published tokenizer.json. */
export const TOKENIZER_CAP_BYTES = 128 << 20;

const TOKENIZER_FILE_NAMES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
];

/** The tokenizer's files as they are, so that a saved model gets them byte for byte. */
export async function readTokenizerFiles(files: ModelFiles): Promise<TokenizerFiles> {
  const present = await files.list();
  const copies = new Map<string, Uint8Array>();
  for (const name of TOKENIZER_FILE_NAMES) {
    if (!present.includes(name)) continue;
    const source = await files.open(name);
    if (source.size > TOKENIZER_CAP_BYTES) {
      throw new ToolError('corrupt', {
        op: name,
        expected: `at most ${TOKENIZER_CAP_BYTES} bytes`,
        got: `${source.size}`,
      });
    }
    copies.set(name, await source.read(0, source.size));
  }
  return copies;
}
