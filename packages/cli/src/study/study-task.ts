import { createHash } from 'node:crypto';
import { createDocument, createInverseRulesTask, Draws, type InverseRulesTask, type Setting } from '@dawngrad/airl';
import { RECIPE_NEGATIVES } from './recipe.ts';
import type { StudySettings } from './study-settings.ts';

/** The task of a seed in a setting: demonstrations, dev and test problems. Made once for the settings of a study. */
export function studyTask({ task }: Pick<StudySettings, 'task'>, seed: number, setting: Setting): InverseRulesTask {
  const known = tasks.get(task) ?? new Map<string, InverseRulesTask>();
  tasks.set(task, known);
  const name = `${seed} ${setting}`;
  const made = known.get(name) ?? createInverseRulesTask({ seed, setting, ...task, ...RECIPE_NEGATIVES });
  known.set(name, made);
  return made;
}

const tasks = new WeakMap<StudySettings['task'], Map<string, InverseRulesTask>>();

const SOME = 64;

/**
 * A hash of what arms learn from and choose by. It is a setting of every part that does, so that a part is done again
 * where the code that generates problems, traces or negatives makes others than before.
 */
export function taskHash(task: InverseRulesTask): string {
  const known = hashes.get(task) ?? hashOf(task);
  hashes.set(task, known);
  return known;
}

const hashes = new WeakMap<InverseRulesTask, string>();

function hashOf(task: InverseRulesTask): string {
  const hash = createHash('sha256');
  const add = (ids: ArrayLike<number>): unknown => hash.update(`${Array.from(ids).join(' ')}\n`);
  task.demonstrations.forEach((demonstration, i) => {
    add(demonstration.promptIds);
    add(demonstration.completionIds);
    add(task.forced(demonstration.completionIds));
    add(task.criticPromptIds(demonstration.promptIds));
    const draws = new Draws(task.world.seed, HASH_STREAM, i);
    add(task.corrupt(demonstration, draws)?.completionIds ?? []);
  });
  for (const { promptIds, gold } of task.dev) {
    add(promptIds);
    hash.update(gold);
  }
  for (let i = 0; i < SOME; i++) add(task.unlabelled(i)?.promptIds ?? []);
  return hash.digest('hex').slice(0, HASH_CHARACTERS);
}

/** The same of the documents that the base model learns from. */
export function documentsHash({ world }: InverseRulesTask): string {
  const hash = createHash('sha256');
  for (let i = 0; i < 4 * SOME; i++) {
    const { promptIds, completionIds } = createDocument(world, i);
    hash.update(`${Array.from(promptIds).join(' ')} ${Array.from(completionIds).join(' ')}\n`);
  }
  return hash.digest('hex').slice(0, HASH_CHARACTERS);
}

/** Of the draws of the hash alone: any number does. */
const HASH_STREAM = 0;
const HASH_CHARACTERS = 16;
