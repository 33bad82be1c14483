import type { DecoderModel } from '@dawngrad/models';
import { add, affine, matmul, permute, reshape, rmsNorm, rope, slice, softmax, Tensor } from '@dawngrad/tensor';

/** Sequences of equal length, one after another; shorter ones are padded at their end. */
export interface EqualSequences {
  readonly sequences: number;
  readonly length: number;
}

/** Stands in for minus infinity: e^-1e9 is 0 in f32, and 0 times it is 0. */
const MASKED = -1e9;

/**
 * The hidden states of a decoder after its final norm, [B L, D], of given embeddings, by ops whose gradients can be
 * differentiated again: `DecoderModel.hidden` attends in a fused op, which cannot. Takes H L^2 numbers a sequence and a
 * layer for scores, and keeps all of them: for short sequences.
 *
 * @param embeddings [B L, D]; a token sees those before it alone, so that padding at the end changes nothing
 */
export function composedHidden(model: DecoderModel, embeddings: Tensor, at: EqualSequences): Tensor {
  const { device } = model;
  const rows = at.sequences * at.length;
  const places = Uint32Array.from({ length: rows }, (_, row) => row % at.length);
  const positions = Tensor.from(device, places, [rows], 'u32', 'airl/composed/positions');
  const masks = new Map<number, Tensor>();
  let x = embeddings;
  for (let layer = 0; layer < model.config.numHiddenLayers; layer++) {
    const { window = 0 } = model.attention(layer).attrs;
    const mask = masks.get(window) ?? causalMask(model, at.length, window);
    masks.set(window, mask);
    x = model.block(layer, x, (qkv) => attend(model, qkv, layer, at, positions, mask), true);
  }
  return model.finalNorm(x);
}

/** 0 where row q may see row k, k <= q and q - k < window (0 = no window), else `MASKED`; [L, L]. */
function causalMask({ device }: DecoderModel, length: number, window: number): Tensor {
  const mask = new Float32Array(length * length).fill(MASKED);
  for (let q = 0; q < length; q++)
    mask.fill(0, q * length + (window === 0 ? 0 : Math.max(0, q - window + 1)), q * length + q + 1);
  return Tensor.from(device, mask, [length, length], 'f32', 'airl/composed/mask');
}

/** softmax(q k^T scale + mask) v by heads; the query heads of a key head follow one another. qkv [N, H + 2K, E]: [N, H, E]. */
function attend(
  model: DecoderModel,
  qkv: Tensor,
  layer: number,
  { sequences, length }: EqualSequences,
  positions: Tensor,
  mask: Tensor,
): Tensor {
  const { attrs, norms } = model.attention(layer);
  const { heads, kvHeads, scale } = attrs;
  const [rows, , width] = qkv.shape as [number, number, number];
  const turned = (x: Tensor, weight: Tensor | undefined): Tensor =>
    rope(weight === undefined ? x : rmsNorm(x, weight, norms!.eps), positions, model.ropeTable);
  const q = turned(slice(qkv, 1, 0, heads), norms?.query);
  const k = turned(slice(qkv, 1, heads, heads + kvHeads), norms?.key);
  const v = slice(qkv, 1, heads + kvHeads, heads + 2 * kvHeads);
  // [B, K, H / K, L, E] for queries, one in the third dimension for keys and values.
  const byHead = (x: Tensor, each: number): Tensor =>
    permute(reshape(x, [sequences, length, kvHeads, each, width]), [0, 2, 3, 1, 4]);
  const scores = matmul(byHead(q, heads / kvHeads), byHead(k, 1), { transB: true });
  const shares = softmax(add(affine(scores, scale, 0), mask), -1);
  const mixed = matmul(shares, byHead(v, 1));
  return reshape(permute(mixed, [0, 3, 1, 2, 4]), [rows, heads, width]);
}
