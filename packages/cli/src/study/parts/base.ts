import { createDocument, pretrain } from '@dawngrad/airl';
import { DecoderModel } from '@dawngrad/models';
import type { StudyPart } from '../part.ts';
import { recipeModel } from '../recipe.ts';
import { recipeOf, type StudySettings } from '../study-settings.ts';
import { documentsHash, studyTask } from '../study-task.ts';
import { MODEL_BYTES, tokenCost } from '../token-cost.ts';
import { trainInPart } from '../training.ts';

/** Tokens of an average document, 1 to 4 rules. */
const DOCUMENT_TOKENS = 7 + 25;
const CHECKPOINTS = 4;

/** The base model of a seed, trained from random weights; both settings share it. */
export function basePart(settings: StudySettings, seed: number): StudyPart {
  const { pretrain: options } = recipeOf(settings, seed, 'tool');
  const task = studyTask(settings, seed, 'tool');
  const model = recipeModel(task.vocabSize, task.endIds);
  return {
    kind: 'base',
    version: 1,
    label: 'base model',
    seed,
    setting: null,
    settings: { model, pretrain: options, documents: documentsHash(task) },
    inputs: {},
    cost: tokenCost({
      forward: 0,
      trained: options.maxSteps * options.rowsPerStep * DOCUMENT_TOKENS,
      bytes: MODEL_BYTES + 420 * options.maxSteps,
    }),
    async run(work) {
      const base = DecoderModel.create(work.device, model, { trainable: true });
      try {
        base.initialise(seed);
        const everySteps = Math.ceil(options.maxSteps / CHECKPOINTS);
        const rows = await trainInPart(work, everySteps, (context) =>
          pretrain(base, (index) => createDocument(task.world, index), options, context),
        );
        if (rows === undefined) return { status: 'stopped' };
        const last = rows.slice(-50);
        const loss = last.reduce((sum, row) => sum + (row.loss ?? 0), 0) / last.length;
        return { status: 'finished', result: { loss }, headline: `loss ${loss.toFixed(3)}` };
      } finally {
        base.dispose();
      }
    },
  };
}
