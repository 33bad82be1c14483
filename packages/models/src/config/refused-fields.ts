import type { FieldReader } from './field-reader.ts';

/**
 * Fields that change the forward of some model in ways that are not implemented, with the values that mean "off".
 * Most belong to other model types; a file that has one of them on is not of the family that it says.
 */
const REFUSED_FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  quantization_config: [],
  compression_config: [],
  // transformers knows SiLU by both names.
  hidden_act: ['silu', 'swish'],
  partial_rotary_factor: [1],
  use_mrope: [false],
  alibi: [false],
  is_encoder_decoder: [false],
  add_cross_attention: [false],
  is_causal: [true],
  use_bidirectional_attention: [false],
  num_experts: [0, 1],
  num_local_experts: [0, 1],
  use_qk_norm: [false],
  attn_logit_softcapping: [],
  final_logit_softcapping: [],
  attention_chunk_size: [],
  logit_scale: [1],
  logits_scaling: [1],
  embedding_multiplier: [1],
  residual_multiplier: [1],
  attention_multiplier: [],
};

/** Throws ToolError 'config' that names the first field that asks for what no family here has. */
export function refuseOtherModels(read: FieldReader): void {
  for (const [key, off] of Object.entries(REFUSED_FIELDS)) read.refuseUnless(key, off);
}
