import { type SampleSettings, sample, scope, type Tensor } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import type { DecodeState } from './decode-state.ts';
import type { KvCache } from './kv-cache.ts';

/** How tokens are drawn; the same for all steps of a generation. */
export interface DecodeSettings {
  readonly sampling: SampleSettings;
  readonly random: { readonly seed: number; readonly stream: number };
  readonly adapters: boolean;
}

/**
 * Runs one token a slot through the model, draws the next and moves the state on: 5 launches and 8 a layer
 * without adapters.
 *
 * @param history tokens of the sequences, u32 [slots, capacity], for a repetition penalty
 */
export function decodeStep(
  model: DecoderModel,
  cache: KvCache,
  state: DecodeState,
  settings: DecodeSettings,
  history: Tensor | undefined,
): void {
  const { sampling, random, adapters } = settings;
  scope(() => {
    const [ids, lengths] = [state.field('ids'), state.field('lengths')];
    let x = model.embed(ids);
    for (let layer = 0; layer < model.config.numHiddenLayers; layer++) {
      const next = scope(() => model.block(layer, x, (qkv) => cache.attend(layer, qkv, lengths), adapters));
      x.dispose();
      x = next;
    }
    const logits = model.logits(model.finalNorm(x));
    const past = history && { tokens: history, lengths, newest: ids };
    state.advance(sample(logits, state.field('rowIds'), state.field('steps'), sampling, random, past));
  });
}
