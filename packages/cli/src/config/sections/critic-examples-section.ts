import { CORRUPTIONS, type CorruptionName, RELABEL_MODES } from '@dawngrad/airl';
import { z } from 'zod';
import { between, field, oneOf, section, text, whole, yesNo } from '../field.ts';

export const negativesSection = () =>
  section({
    per_expert: field(
      whole(0),
      1,
      'copies',
      'Corrupted copies of each expert trace that the critic sees as negatives.',
    ),
    functions: field(
      z.array(oneOf([...CORRUPTIONS] as [CorruptionName, ...CorruptionName[]]), 'a list of names'),
      ['flip_operator_in_one_step', 'corrupt_answer_nearby_number', 'corrupt_numbers'],
      'name',
      'Edits that corrupt a trace; a number of them and which ones are drawn for each copy.',
    ),
    stored_per_expert: field(
      whole(0).nullable(),
      null,
      'samples',
      'Wrong traces that came with the rows (corrupted_reasonings), for each expert of an update; null = all.',
    ),
    drop_cut: field(
      yesNo(),
      false,
      'yes/no',
      'Do not show the critic samples that were cut at the length limit: they lack the end token of every expert.',
    ),
  });

export const relabelSection = () =>
  section({
    mode: field(
      oneOf(RELABEL_MODES),
      'off',
      'choice',
      'Count samples with the right answer as experts; anything but off uses the answers.',
    ),
  });

export const replaySection = () =>
  section({
    rounds: field(
      whole(0),
      0,
      'rounds',
      'Rounds of samples that critic updates draw from besides the current one; 0 = none.',
    ),
    on_policy_fraction: field(
      between(0, 1),
      0.5,
      'fraction',
      "Least share of an update's policy samples that comes from the current round.",
    ),
  });

export const warmupSection = () =>
  section({
    steps: field(whole(0), 50, 'updates', 'Critic updates before the first policy update.'),
    load_from: field(
      text().nullable(),
      null,
      'path',
      'Run that kept its warm-up, or checkpoint of a run, whose critic this one starts as; null = none.',
    ),
    continue: field(
      yesNo(),
      false,
      'yes/no',
      'Do warmup.steps updates on top of those that a loaded critic had; false = take them as done.',
    ),
    load_optimizer: field(
      yesNo(),
      true,
      'yes/no',
      "Load the state of the critic's optimiser as well (warmup.load_from).",
    ),
    keep: field(
      yesNo(),
      false,
      'yes/no',
      'Never remove the checkpoint at the end of the warm-up, for warmup.load_from of other runs.',
    ),
    samples_per_prompt: field(
      whole(1),
      4,
      'samples',
      'Completions of the starting policy for each demonstration prompt.',
    ),
  });
