/** Files of a model beside its weights, and those of an adapter. */
const SETTINGS_FILE =
  /^(?:(?:config|generation_config|adapter_config|added_tokens|special_tokens_map|vocab)\.json|merges\.txt|(?:tokenizer|chat_template)[\w.-]*\.(?:json|jinja|model|txt))$/;
const WEIGHTS_FILE = /^[\w.-]+\.safetensors$/;
const INDEX_FILE = /^[\w.-]+\.safetensors\.index\.json$/;
/** The same weights once more, in the layout of the model's maker. */
const OTHER_LAYOUT = /^consolidated/;
/** Where the weights are in one file, shards and variants (`model.fp16.safetensors`) are the same once more. */
const ONE_FILE = 'model.safetensors';
const SAME_AGAIN = /^model[.-].+\.safetensors$|\.safetensors\.index\.json$/;

/** Of the names in a repository's root, those that a model or an adapter is made of. Never pickles, never code. */
export function modelFileNames(names: readonly string[]): readonly string[] {
  const isWeights = (name: string): boolean => WEIGHTS_FILE.test(name) || INDEX_FILE.test(name);
  const isNeeded = (name: string): boolean =>
    isWeights(name) && !OTHER_LAYOUT.test(name) && !(names.includes(ONE_FILE) && SAME_AGAIN.test(name));
  return names.filter((name) => SETTINGS_FILE.test(name) || isNeeded(name));
}

/** What is missing for the names to be those of a model or an adapter; undefined where nothing is. */
export function missingModelFile(names: readonly string[]): string | undefined {
  if (names.includes('adapter_config.json') && !names.includes('config.json')) {
    return names.includes('adapter_model.safetensors') ? undefined : 'adapter_model.safetensors';
  }
  if (!names.includes('config.json')) return 'config.json';
  if (!names.some((name) => WEIGHTS_FILE.test(name))) return ONE_FILE;
  return names.includes('tokenizer.json') ? undefined : 'tokenizer.json';
}
