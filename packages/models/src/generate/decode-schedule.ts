import { type Device, Tensor } from '@dawngrad/tensor';
import type { DecodeInputs } from './decode-step.ts';
import type { Sequence } from './sequence.ts';

/** Words from one array to the next: a multiple of what WebGPU lets a binding start at (256 bytes). */
const ALIGNMENT_WORDS = 64;
const FIELDS = 4;

/**
 * The inputs of several decode steps in one upload. Lengths are known in advance; ids only for the
 * first step, later ones take the tokens that the step before has drawn.
 */
export function uploadSchedule(
  device: Device,
  sequences: readonly (Sequence | undefined)[],
  steps: number,
): DecodeInputs[] {
  const slots = sequences.length;
  const stride = Math.ceil(slots / ALIGNMENT_WORDS) * ALIGNMENT_WORDS;
  const words = new Uint32Array(steps * FIELDS * stride);
  for (let step = 0; step < steps; step++) {
    const base = step * FIELDS * stride;
    sequences.forEach((sequence, slot) => {
      const isIdle = sequence === undefined || sequence.remaining <= step;
      const values = isIdle
        ? [0, 0, 0, 0]
        : [
            sequence.tokens[sequence.length - 1]!,
            sequence.length + step,
            sequence.rowId,
            sequence.completionLength + step,
          ];
      for (let field = 0; field < FIELDS; field++) words[base + field * stride + slot] = values[field]!;
    });
  }
  const all = Tensor.from(device, words, [words.length], 'u32', 'models/decode/schedule');
  return Array.from({ length: steps }, (_, step) => {
    const field = (index: number): Tensor => all.view([slots], [1], (step * FIELDS + index) * stride);
    return {
      ids: field(0),
      lengths: field(1),
      rowIds: field(2),
      steps: field(3),
    };
  });
}
