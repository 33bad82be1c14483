import { grad } from '@dawngrad/autograd';
import {
  add,
  affine,
  multiply,
  reshape,
  sqrt,
  square,
  subtract,
  sum,
  Tensor,
  withoutObservers,
} from '@dawngrad/tensor';
import type { TraceRecord } from '../../record.ts';
import type { Task } from '../../task/task.ts';
import { composedHidden } from '../composed-hidden.ts';
import type { Critic } from '../critic.ts';
import type { ObjectiveTerm } from './objective.ts';

/** A point between an expert and a negative of the same prompt. */
export interface Interpolate {
  readonly expert: TraceRecord;
  readonly negative: TraceRecord;
  /** Of the two; it gives the point its length and its marks. */
  readonly shorter: TraceRecord;
  /** Share of the expert in the point, in [0, 1]. */
  readonly share: number;
}

/** Keeps the gradient of the square root finite at 0. */
const TINY = 1e-12;

/**
 * `scale` times the sum over pairs of (|grad_x F(x)| - 1)^2. x is the completion as a matrix of token embeddings [T, D]:
 * u E(expert) + (1 - u) E(negative) over the T tokens of the shorter trace, behind the prompt's own embeddings. F is the
 * mean of the critic's logits at the marks of the shorter trace, and the norm is over all T D numbers. The points are
 * constants: of the weights that the penalty reaches, all but the embedding's, through second derivatives of the
 * whole trunk (`composedHidden`).
 */
export function gradientPenalty(
  critic: Critic,
  task: Task,
  points: readonly Interpolate[],
  scale: number,
): ObjectiveTerm {
  const { model } = critic;
  const { device } = model;
  const prompts = points.map(({ shorter }) => task.criticPromptIds(shorter.promptIds));
  const lengths = points.map(({ shorter }, i) => prompts[i]!.length + shorter.completionIds.length);
  const length = Math.max(...lengths);
  const rows = points.length * length;
  const ids = { expert: new Uint32Array(rows), negative: new Uint32Array(rows) };
  const [share, own, marks] = Array.from({ length: 3 }, () => new Float32Array(rows)) as [
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
  ];
  points.forEach((point, i) => {
    const first = i * length + prompts[i]!.length;
    for (const side of ['expert', 'negative'] as const) {
      ids[side].set(prompts[i]!, i * length);
      ids[side].set(point[side].completionIds.subarray(0, point.shorter.completionIds.length), first);
    }
    share.fill(point.share, i * length, (i + 1) * length);
    own.fill(1, first, i * length + lengths[i]!);
    for (const mark of point.shorter.marks) marks[first + mark] = 1 / point.shorter.marks.length;
  });
  const column = (data: Float32Array<ArrayBuffer>, shape: readonly number[], name: string): Tensor =>
    Tensor.from(device, data, [...shape], 'f32', `airl/penalty/${name}`);
  const x = withoutObservers(() => {
    const embed = (side: 'expert' | 'negative'): Tensor =>
      model.embed(Tensor.from(device, ids[side], [rows], 'u32', 'airl/penalty/ids'));
    const [expert, negative] = [embed('expert'), embed('negative')];
    return add(negative, multiply(subtract(expert, negative), column(share, [rows, 1], 'share')));
  });
  const byMark = column(marks, [rows], 'marks');
  const { gradients } = grad(() => {
    const hidden = composedHidden(model, x, { sequences: points.length, length });
    return sum(multiply(critic.readPlain(hidden), byMark));
  }, [x]);
  const ofTokens = multiply(gradients[0]!, column(own, [rows, 1], 'own'));
  const squares = sum(square(reshape(ofTokens, [points.length, length * model.config.hiddenSize])), { axes: [1] });
  const inputGradients = sqrt(affine(squares, 1, TINY));
  return { loss: affine(sum(square(affine(inputGradients, 1, -1))), scale, 0), inputGradients };
}
