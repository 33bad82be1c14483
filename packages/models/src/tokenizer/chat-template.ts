import { ToolError } from '@dawngrad/tensor';
import { Template } from '@huggingface/jinja';

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export interface ChatTemplateOptions {
  readonly messages: readonly ChatMessage[];
  /** End with the header of an assistant's turn. */
  readonly addGenerationPrompt: boolean;
  /** What `date_string` is in the template: Llama 3.1's prints today's date when it has none. */
  readonly dateString: string;
  readonly bosToken?: string;
  readonly eosToken?: string;
}

/** Cap on the template's text, in characters. Published templates have up to about 15,000. */
const TEMPLATE_CAP = 64 << 10;
/** Cap on the rendered text, in characters. */
const RENDERED_CAP = 1 << 20;

/**
 * Renders a Hugging Face chat template to text. Its special tokens are in the text: encode it without adding any.
 *
 * The library interprets the template and gives it nothing but the data here, but it has no work limit: a template can
 * loop for ever or fill the memory of this process (docs: reliability, "Threats"). Render only templates that you
 * trust as you trust code. Over 64 KiB, not parsable, or failing while rendering: ToolError 'corrupt'.
 */
export function renderChatTemplate(template: string, options: ChatTemplateOptions): string {
  if (template.length > TEMPLATE_CAP) {
    throw new ToolError('corrupt', {
      op: 'chat template',
      expected: `at most ${TEMPLATE_CAP} characters`,
      got: `${template.length}`,
    });
  }
  let rendered: string;
  try {
    rendered = new Template(template).render({
      messages: options.messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: options.addGenerationPrompt,
      date_string: options.dateString,
      bos_token: options.bosToken ?? '',
      eos_token: options.eosToken ?? '',
    });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message.slice(0, 160) : String(cause);
    throw new ToolError('corrupt', { op: 'chat template', expected: 'a template that renders', got, cause });
  }
  if (rendered.length > RENDERED_CAP) {
    throw new ToolError('corrupt', {
      op: 'chat template',
      expected: `at most ${RENDERED_CAP} characters of output`,
      got: `${rendered.length}`,
    });
  }
  return rendered;
}
