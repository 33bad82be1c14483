import { type MeasuringParts, measuringParts } from './measuring-parts.ts';
import type { StudyPart } from './part.ts';
import { partKey } from './part-key.ts';
import { basePart } from './parts/base.ts';
import { grpoPart } from './parts/grpo.ts';
import { irlPart } from './parts/irl.ts';
import { sftPart } from './parts/sft.ts';
import type { StudySettings } from './study-settings.ts';

export interface StudyPlan {
  readonly settings: StudySettings;
  /** Each once, after its inputs; all of a seed before the next one, and its training before its measuring. */
  readonly parts: readonly StudyPart[];
  /** A seed in a setting each, in the order of the parts. */
  readonly measured: readonly MeasuringParts[];
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
  const measured: MeasuringParts[] = [];
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
      const measuring = measuringParts(settings, { seed, setting, base, arms });
      measured.push(measuring);
      for (const part of [base, ...arms.values(), ...measuring.all]) add(part);
    }
  }
  return { settings, parts: [...parts.values()], measured };
}
