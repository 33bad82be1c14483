import { ToolError } from '@dawngrad/tensor';
import {
  brierByPrompt,
  eceByPrompt,
  type ReliabilityBin,
  reliabilityBins,
  type Scored,
  scoreProbability,
  type ToProbability,
} from '../metrics/calibration.ts';
import { fitIsotonic, fitTemperature } from '../metrics/scaling.ts';
import type { SelectorName } from '../metrics/selectors.ts';
import { type EvalRow, isCorrect } from '../row.ts';
import type { Estimate } from '../stats/estimate.ts';
import type { Resamples } from '../stats/resample.ts';
import { estimateScored, rewardOf } from './candidates.ts';

/** How far probabilities can be believed. */
export interface CalibrationNumbers {
  readonly ece: Estimate | null;
  readonly brier: Estimate | null;
  readonly bins: readonly ReliabilityBin[];
}

/** The learned reward as a probability of being correct: as it is, and scaled on other prompts (D26). */
export interface CalibrationSummary {
  /** logistic(reward). */
  readonly raw: CalibrationNumbers;
  /** Null where no rows to fit on were given: fitted and judged on the same rows, any score looks calibrated. */
  readonly scaled: {
    readonly fittedOn: { readonly runIds: readonly string[]; readonly prompts: number; readonly completions: number };
    /** logistic(reward / temperature); null for infinity, where the reward says nothing. */
    readonly temperature: number | null;
    readonly byTemperature: CalibrationNumbers;
    readonly byIsotonic: CalibrationNumbers;
  } | null;
}

/** @throws ToolError 'config' where rows to fit on have a prompt in common with those judged, or no finite reward */
export function calibrationSummary(
  scored: readonly Scored[] | null,
  promptIds: ReadonlySet<string>,
  fitRows: readonly EvalRow[] | undefined,
  selector: SelectorName,
  resamples: Resamples,
): CalibrationSummary | null {
  if (scored === null || scored.length === 0) return null;
  const numbers = (toProbability: ToProbability): CalibrationNumbers => ({
    ece: estimateScored(scored, (samples) => eceByPrompt(samples, toProbability), resamples),
    brier: estimateScored(scored, (samples) => brierByPrompt(samples, toProbability), resamples),
    bins: reliabilityBins(scored, toProbability),
  });
  const raw = numbers(scoreProbability);
  if (fitRows === undefined) return { raw, scaled: null };
  const shared = fitRows.find((row) => promptIds.has(row.prompt_id));
  if (shared !== undefined) {
    throw fault('rows of other prompts to fit on', `prompt ${shared.prompt_id} on both sides`);
  }
  const fit = fitRows.flatMap((row) => {
    const score = rewardOf(row, selector);
    return score !== null && Number.isFinite(score) ? [{ score, correct: isCorrect(row), prompt: 0 }] : [];
  });
  if (fit.length === 0) throw fault('rows with critic scores to fit on', `${fitRows.length} without any`);
  const { temperature, toProbability } = fitTemperature(fit);
  return {
    raw,
    scaled: {
      fittedOn: {
        runIds: [...new Set(fitRows.map((row) => row.run_id))].sort(),
        prompts: new Set(fitRows.map((row) => row.prompt_id)).size,
        completions: fit.length,
      },
      temperature: Number.isFinite(temperature) ? temperature : null,
      byTemperature: numbers(toProbability),
      byIsotonic: numbers(fitIsotonic(fit).toProbability),
    },
  };
}

function fault(expected: string, got: string): ToolError {
  return new ToolError('config', { op: 'calibration', expected, got });
}
