import { type SampleSettings, sample, scope } from '@dawngrad/tensor';
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
 */
export function decodeStep(model: DecoderModel, cache: KvCache, state: DecodeState, settings: DecodeSettings): void {
  scope(() => {
    const lengths = state.field('lengths');
    let x = model.embed(state.field('ids'));
    for (let layer = 0; layer < model.config.numHiddenLayers; layer++) {
      const next = scope(() => model.block(layer, x, (qkv) => cache.attend(layer, qkv, lengths), settings.adapters));
      x.dispose();
      x = next;
    }
    const logits = model.logits(model.finalNorm(x));
    state.advance(sample(logits, state.field('rowIds'), state.field('steps'), settings.sampling, settings.random));
  });
}
