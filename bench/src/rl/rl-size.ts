import { createInverseRulesTask, type Demonstration, type InverseRulesTask, type Task } from '@dawngrad/airl';
import type { DecoderConfig } from '@dawngrad/models';

/** A model and how much of the generated task a round has. */
export interface RlSize {
  readonly name: string;
  readonly width: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  readonly prompts: number;
  readonly groupSize: number;
  /** Expert traces and samples in a critic update, each; corrupted experts are as many again. */
  readonly critic: number;
}

/** The demo's model, with a quarter of its rounds. */
export const DEMO: RlSize = {
  name: 'demo',
  ...{ width: 64, inner: 172, layers: 2, heads: 4 },
  ...{ prompts: 8, groupSize: 8, critic: 8 },
};

/** A model whose time goes into its matrices. */
export const LARGER: RlSize = {
  name: 'larger',
  ...{ width: 256, inner: 688, layers: 4, heads: 8 },
  ...{ prompts: 4, groupSize: 4, critic: 4 },
};

/** The same model on so few traces that its weights are most of the memory. */
export const WEIGHTY: RlSize = { ...LARGER, name: 'weighty', prompts: 2, groupSize: 2, critic: 2 };

export function rlTask({ prompts, critic }: RlSize): Task {
  const task: InverseRulesTask = createInverseRulesTask({
    seed: 1,
    setting: 'tool',
    demonstrations: Math.max(prompts, critic),
    dev: 1,
    test: 1,
  });
  const shown = ({ promptIds, completionIds }: Demonstration): Uint32Array =>
    Uint32Array.from([...promptIds, ...completionIds, ...promptIds]);
  // OPSD's teacher reads the expert before the prompt; what the ids mean does not matter to the clock.
  return { ...task, teacherPromptIds: shown };
}

export function rlConfig({ width, inner, layers, heads }: RlSize, task: Task): DecoderConfig {
  return {
    modelType: 'llama',
    vocabSize: task.vocabSize,
    hiddenSize: width,
    intermediateSize: inner,
    numHiddenLayers: layers,
    numAttentionHeads: heads,
    numKeyValueHeads: heads,
    headDim: width / heads,
    maxPositionEmbeddings: 128,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: false,
    eosTokenIds: [...task.endIds],
  };
}

/** Weights that a token's forward pass multiplies with. */
export function weightsPerToken({ width, inner, layers }: RlSize, { vocabSize }: Task): number {
  return layers * (4 * width * width + 3 * width * inner) + vocabSize * width;
}
