import type { Setting } from '@dawngrad/airl';
import type { Arm } from './arm.ts';
import { type MeasuringParts, measuringParts } from './measuring-parts.ts';
import type { StudyPart } from './part.ts';
import { partKey } from './part-key.ts';
import { basePart } from './parts/base.ts';
import { grpoPart } from './parts/grpo.ts';
import { irlPart } from './parts/irl.ts';
import { sftPart } from './parts/sft.ts';
import type { FailedArm } from './seed-measures.ts';
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

/**
 * Everything that a study does, in order. Nothing is read or written.
 *
 * @param failureOf what a training said that failed: its seed is measured without the arm, but for SFT, which all
 * measuring needs
 */
export function planStudy(
  settings: StudySettings,
  failureOf: (training: StudyPart) => string | undefined = () => undefined,
): StudyPlan {
  const parts = new Map<string, StudyPart>();
  const add = (part: StudyPart): void => {
    for (const input of Object.values(part.inputs)) add(input);
    if (!parts.has(partKey(part))) parts.set(partKey(part), part);
  };
  const measured: MeasuringParts[] = [];
  for (const seed of settings.seeds) {
    const base = basePart(settings, seed);
    for (const setting of settings.settings) {
      const arms = new Map<string, StudyPart>();
      const failed: FailedArm[] = [];
      for (const arm of settings.arms[setting]) {
        const part = trainingPart(settings, base, setting, arm);
        const message = arm.method === 'sft' ? undefined : failureOf(part);
        if (message === undefined) arms.set(arm.name, part);
        else failed.push({ arm: arm.name, message });
      }
      const measuring = measuringParts(settings, { seed, setting, base, arms, failed });
      measured.push(measuring);
      for (const part of [base, ...arms.values(), ...measuring.all]) add(part);
    }
  }
  return { settings, parts: [...parts.values()], measured };
}

function trainingPart(settings: StudySettings, base: StudyPart, setting: Setting, arm: Arm): StudyPart {
  if (arm.method === 'sft') return sftPart(settings, base, setting);
  if (arm.method === 'grpo') return grpoPart(settings, base, setting);
  return irlPart(settings, base, setting, arm);
}
