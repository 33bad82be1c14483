import type { Setting } from '@dawngrad/airl';
import type { StudyPart } from './part.ts';
import { partKey } from './part-key.ts';
import { basePart } from './parts/base.ts';
import { grpoPart } from './parts/grpo.ts';
import { irlPart } from './parts/irl.ts';
import { sftPart } from './parts/sft.ts';
import type { StudySettings } from './study-settings.ts';

/** The trained parts of a seed in a setting. */
export interface TrainedParts {
  readonly seed: number;
  readonly setting: Setting;
  readonly base: StudyPart;
  /** By the names of the arms, SFT first. */
  readonly arms: ReadonlyMap<string, StudyPart>;
}

export interface StudyPlan {
  readonly settings: StudySettings;
  /** Each once, after its inputs; all of a seed before the next one, and its training before its measuring. */
  readonly parts: readonly StudyPart[];
  readonly trained: readonly TrainedParts[];
}

/** Parts that train; the others measure. */
export const TRAINING_KINDS: readonly string[] = ['base', 'sft', 'grpo', 'irl'];

/** Everything that a study does, in order. Nothing is read or written. */
export function planStudy(settings: StudySettings): StudyPlan {
  const parts = new Map<string, StudyPart>();
  const add = (part: StudyPart): void => {
    for (const input of Object.values(part.inputs)) add(input);
    if (!parts.has(partKey(part))) parts.set(partKey(part), part);
  };
  const trained: TrainedParts[] = [];
  for (const seed of settings.seeds) {
    const base = basePart(settings, seed);
    for (const setting of settings.settings) {
      const arms = new Map(
        settings.arms[setting].map((arm) => {
          if (arm.method === 'sft') return [arm.name, sftPart(settings, base, setting)];
          if (arm.method === 'grpo') return [arm.name, grpoPart(settings, base, setting)];
          return [arm.name, irlPart(settings, base, setting, arm)];
        }),
      );
      trained.push({ seed, setting, base, arms });
      for (const part of [base, ...arms.values()]) add(part);
    }
  }
  return { settings, parts: [...parts.values()], trained };
}
