import { ToolError } from '@dawngrad/tensor';
import type { ModelFiles } from '../io/byte-source.ts';
import { describeJson, isJsonObject, type JsonObject } from '../io/strict-json.ts';

const CHAT_TEMPLATE_FILE = 'chat_template.jinja';
const CHAT_TEMPLATE_CAP_BYTES = 64 << 10;
/** The name of a template that is given without one. */
export const DEFAULT_TEMPLATE = 'default';

/**
 * The chat templates of a model by name: chat_template.jinja, which counts first as in transformers, and the field
 * chat_template of tokenizer_config.json, one text or a list of `{name, template}`.
 *
 * @throws ToolError `corrupt` for a field of another form
 */
export async function readChatTemplates(
  files: ModelFiles,
  names: readonly string[],
  config: JsonObject,
): Promise<ReadonlyMap<string, string>> {
  const templates = new Map<string, string>();
  const { chat_template: field } = config;
  const refuse = (value: unknown): ToolError =>
    new ToolError('corrupt', {
      op: 'tokenizer_config.json',
      expected: 'chat_template as text or as a list of {name, template}',
      got: describeJson(value),
    });
  if (typeof field === 'string') {
    templates.set(DEFAULT_TEMPLATE, field);
  } else if (Array.isArray(field)) {
    for (const item of field as unknown[]) {
      if (!isJsonObject(item) || typeof item.name !== 'string' || typeof item.template !== 'string') throw refuse(item);
      templates.set(item.name, item.template);
    }
  } else if (field !== undefined && field !== null) {
    throw refuse(field);
  }
  if (names.includes(CHAT_TEMPLATE_FILE)) {
    templates.set(DEFAULT_TEMPLATE, await files.readText(CHAT_TEMPLATE_FILE, CHAT_TEMPLATE_CAP_BYTES));
  }
  return templates;
}
