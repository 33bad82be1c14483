import { loadTokenizer, parseDecoderConfig } from '@dawngrad/models';
import { openModelFiles } from '@dawngrad/models/node';
import type { CodecModel } from '../run/model-codec.ts';
import { modelFolder } from '../run/model-folder.ts';

const CONFIG_FILE = 'config.json';
const CONFIG_CAP_BYTES = 1 << 20;

/** The tokenizer of a model and what its config.json says about tokens; the weights need not be there. */
export async function openCodecModel(name: string): Promise<CodecModel> {
  const files = await openModelFiles(await modelFolder(name));
  const tokenizer = await loadTokenizer(files);
  const hasConfig = (await files.list()).includes(CONFIG_FILE);
  const config = hasConfig
    ? parseDecoderConfig(await files.readText(CONFIG_FILE, CONFIG_CAP_BYTES))
    : { vocabSize: tokenizer.vocabSize, eosTokenIds: [] };
  return { tokenizer, config, stopIds: [...tokenizer.eosIds, ...config.eosTokenIds] };
}
