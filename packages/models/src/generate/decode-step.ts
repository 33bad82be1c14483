import { linear, type Sampled, type SampleSettings, sample, scope, type Tensor } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import type { KvCache } from './kv-cache.ts';

/** Where each slot stands in a decode step; u32 [slots] each. */
export interface DecodeInputs {
  /** The last token of each sequence. */
  readonly ids: Tensor;
  /** Tokens of the sequence, that one included; 0 for an idle slot. */
  readonly lengths: Tensor;
  /** Who the sequence is, for its random draws. */
  readonly rowIds: Tensor;
  /** Index within its completion of the token to draw. */
  readonly steps: Tensor;
}

/** How tokens are drawn; the same for all steps of a generation. */
export interface DecodeSettings {
  readonly sampling: SampleSettings;
  readonly random: { readonly seed: number; readonly stream: number };
  readonly adapters: boolean;
}

/** Runs one token a slot through the model and draws the next: 4 launches and 8 a layer without adapters. */
export function decodeStep(
  model: DecoderModel,
  cache: KvCache,
  inputs: DecodeInputs,
  settings: DecodeSettings,
): Sampled {
  return scope(() => {
    let x = model.embed(inputs.ids);
    for (let layer = 0; layer < model.config.numHiddenLayers; layer++) {
      const next = scope(() =>
        model.block(layer, x, (qkv) => cache.attend(layer, qkv, inputs.lengths), settings.adapters),
      );
      x.dispose();
      x = next;
    }
    const logits = linear(model.finalNorm(x), model.outputWeight());
    return sample(logits, inputs.rowIds, inputs.steps, settings.sampling, settings.random);
  });
}
