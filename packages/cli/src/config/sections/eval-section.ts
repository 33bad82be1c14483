import { BEST_OF_RULES, SELECTOR_NAMES, type SelectorName } from '@dawngrad/eval';
import { z } from 'zod';
import { EVALUATION_MODE_NAMES } from '../../evaluation/evaluation-mode.ts';
import { between, field, oneOf, section, text, whole, yesNo } from '../field.ts';
import { temperatureField } from './sampling-section.ts';
import { microBatchField } from './train-section.ts';

export const trainEvalSection = () =>
  section({
    every_steps: field(
      whole(1),
      50,
      'steps',
      'Steps from one evaluation to the next; the first and the last are always evaluated.',
      { safe: true },
    ),
    prompts: field(whole(1), 64, 'prompts', 'Dev prompts in an evaluation, at most.'),
    samples_per_prompt: field(whole(1), 1, 'samples', 'Completions of each dev prompt.'),
    temperature: temperatureField,
  });

export const evaluateEvalSection = () =>
  section({
    mode: field(
      oneOf(EVALUATION_MODE_NAMES),
      'generate',
      'choice',
      'Sample (generate, aime), or take given completions: pregenerated_policy for log-probabilities, ..._and_reward.',
    ),
    input: field(text().nullable(), null, 'path', 'Given completions: a file of rows, ours or of the reference.'),
    input_dir: field(
      text().nullable(),
      null,
      'path',
      'Folder of the given completions, where eval.input is null; null = policy.model.',
    ),
    input_candidates: field(
      z.array(text(), 'a list of file names').min(1, 'at least one name').nullable(),
      null,
      'name',
      'File names to look for there, in order; null = those of the mode.',
    ),
    output: field(
      text().nullable(),
      null,
      'path',
      'File of the rows, in run.dir; null = that of the mode, such as eval_results_gsm8k.jsonl.',
    ),
    policy_log_probs: field(
      yesNo().nullable(),
      null,
      'yes/no',
      "Whether rows have the policy's log-probabilities; null = yes.",
    ),
    critic_scores: field(
      yesNo().nullable(),
      null,
      'yes/no',
      'Whether the critic scores; null = if critic.model names one and the mode scores.',
    ),
    temperatures: field(
      z
        .array(between(0, 100), 'a list of numbers')
        .min(1, 'at least one number')
        .refine((values) => new Set(values).size === values.length, 'different numbers')
        .nullable(),
      null,
      'number',
      'Sample at each of these, into a file each (..._t0p5.jsonl); null = sampling.temperature alone. 0 = greedy.',
    ),
    best_of: field(
      z.array(whole(1), 'a list of whole numbers').min(1, 'at least one number').nullable(),
      null,
      'samples',
      'The N of best-of-N; null = 1, 2, 3, 5, 8, 16 as far as there are samples, and all of them.',
    ),
    best_of_rule: field(
      oneOf([...BEST_OF_RULES]),
      'subsets',
      'choice',
      'Which N: the mean over all subsets of N samples, or the first N, as the published tables have it.',
    ),
    selector: field(
      oneOf([...SELECTOR_NAMES] as [SelectorName, ...SelectorName[]]),
      'mean',
      'choice',
      'How token scores become the score of a completion; the published tables take discounted-mean.',
    ),
    calibration_rows: field(
      text().nullable(),
      null,
      'path',
      'Rows of dev prompts that the same critic scored: temperature and isotonic scaling are fitted on them.',
    ),
    tolerate: field(
      yesNo(),
      false,
      'yes/no',
      'Leave out rows that cannot be read, and prompts without all of their rows, and say so; also --tolerate.',
    ),
    samples_per_prompt: field(whole(1), 16, 'samples', 'Completions of each prompt.'),
    ks: field(
      z.array(whole(1), 'a list of whole numbers').min(1, 'at least one number').nullable(),
      null,
      'samples',
      'The k of pass@k; null = 1, 3, 5 and 10 as far as there are samples.',
    ),
    resamples: field(whole(100), 1000, 'resamples', 'Bootstrap resamples of prompts behind each 95 % interval.'),
    batch: field(
      whole(1),
      64,
      'samples',
      'Completions between two writes to the disk, whole prompts; changes memory, not results.',
      { safe: true },
    ),
    micro_batch_tokens: microBatchField,
  });
