import { ToolError } from '@dawngrad/tensor';
import { TOKENIZER_CAP_BYTES } from '../tokenizer/tokenizer-files.ts';
import type { ModelFiles } from './byte-source.ts';
import type { OpenModel } from './open-model.ts';

/** The bytes of files that belong to a model beside its weights, by name. */
export type SideFiles = ReadonlyMap<string, Uint8Array>;

const TOKENIZER_FILE_NAMES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'tokenizer.model',
  'vocab.json',
  'merges.txt',
];
const SIDE_FILE_NAMES = ['config.json', 'generation_config.json', ...TOKENIZER_FILE_NAMES];

/** Terms travel with the weights; a model card (README.md) describes another model and stays behind. */
const TERMS = /^(LICEN[CS]E|NOTICE|USE_POLICY)(\.\w+)?$/i;

/** Configuration, tokenizer, chat template and terms as they are, so that a saved model gets them byte for byte. */
export async function readSideFiles(files: ModelFiles): Promise<SideFiles> {
  const found = new Map<string, Uint8Array>();
  for (const name of await files.list()) {
    if (!SIDE_FILE_NAMES.includes(name) && !TERMS.test(name)) continue;
    const source = await files.open(name);
    if (source.size > TOKENIZER_CAP_BYTES) {
      throw new ToolError('corrupt', {
        op: name,
        expected: `at most ${TOKENIZER_CAP_BYTES} bytes`,
        got: `${source.size}`,
      });
    }
    found.set(name, await source.read(0, source.size));
  }
  return found;
}

/**
 * The same for an open model. One with an adapter has those of its base, and of the adapter the tokenizer, if it
 * brings one, and its terms.
 */
export async function modelSideFiles({ files, baseFiles }: Pick<OpenModel, 'files' | 'baseFiles'>): Promise<SideFiles> {
  const base = await readSideFiles(baseFiles);
  if (files === baseFiles) return base;
  const own = await readSideFiles(files);
  const hasTokenizer = own.has('tokenizer.json');
  return new Map([
    ...[...base].filter(([name]) => !hasTokenizer || !TOKENIZER_FILE_NAMES.includes(name)),
    ...[...own].filter(([name]) => (hasTokenizer && TOKENIZER_FILE_NAMES.includes(name)) || TERMS.test(name)),
  ]);
}
