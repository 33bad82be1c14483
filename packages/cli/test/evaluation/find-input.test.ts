import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BEST_OF_RULES, RANKER_NAMES, SELECTOR_NAMES } from '@dawngrad/eval';
import { afterAll, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import { EVALUATION_MODE_NAMES, EVALUATION_MODES, evaluationMode } from '../../src/evaluation/evaluation-mode.ts';
import { findInput } from '../../src/evaluation/find-input.ts';

const folder = mkdtempSync(join(tmpdir(), 'dawngrad-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function find(...overrides: string[]): string {
  return findInput(resolveConfig('evaluate', { overrides, needsInputs: false }));
}

function make(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '');
  return file;
}

describe('the file of given completions', () => {
  it('is eval.input where that is given, and nothing else', () => {
    const file = make('a', 'mine.jsonl');
    make('a', 'eval_results_new.jsonl');
    expect(find('eval.mode=pregenerated', `eval.input=${file}`, `eval.input_dir=${join(folder, 'a')}`)).toBe(file);
    expect(() => find('eval.mode=pregenerated', `eval.input=${folder}/no.jsonl`)).toThrow(
      'no.jsonl, which is not there',
    );
  });

  it('is the first candidate in eval.input_dir, else in policy.model', () => {
    const file = make('b', 'eval_results.jsonl');
    expect(find('eval.mode=pregenerated_sft', `eval.input_dir=${folder}/b`)).toBe(file);
    const debug = make('b', 'debug.jsonl');
    expect(find('eval.mode=pregenerated_sft', `policy.model=${folder}/b`)).toBe(debug);
    const own = make('b', 'x.jsonl');
    const wanted = 'eval.input_candidates=[y.jsonl, x.jsonl]';
    expect(find('eval.mode=pregenerated_sft', `eval.input_dir=${folder}/b`, wanted)).toBe(own);
  });

  it('is missed with every path that was tried', () => {
    make('c', 'other.jsonl');
    const missed = (mode: string): string => {
      try {
        return find(`eval.mode=${mode}`, `eval.input_dir=${folder}/c`);
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const name of ['eval_results_new.jsonl', 'debug.jsonl', 'eval_results.jsonl', 'eval_results_gsm8k.jsonl']) {
      expect(missed('pregenerated_policy_and_reward')).toContain(join(folder, 'c', name));
    }
    expect(missed('pregenerated_policy')).not.toContain('debug.jsonl');
    expect(() => find('eval.mode=pregenerated')).toThrow('eval.input=<file of rows>');
  });
});

describe('modes', () => {
  it('have the names of the reference', () => {
    const byName = Object.fromEntries(EVALUATION_MODE_NAMES.map((name) => [name, evaluationMode(name)]));
    expect(byName).toEqual({
      generate: 'generate',
      default: 'generate',
      evaluate: 'generate',
      generate_and_eval: 'generate',
      aime: 'aime',
      aime_generate: 'aime',
      generate_aime: 'aime',
      pregenerated_policy: 'pregenerated_policy',
      pregenerated: 'pregenerated_policy',
      pregenerated_policy_only: 'pregenerated_policy',
      logprobs: 'pregenerated_policy',
      pregenerated_policy_and_reward: 'pregenerated_policy_and_reward',
      pregenerated_sft: 'pregenerated_policy_and_reward',
      logprobs_sft: 'pregenerated_policy_and_reward',
    });
  });

  it.each<[string[], string]>([
    [['eval.mode=pregenerate'], 'Did you mean pregenerated?'],
    [['eval.mode=aime'], 'expected aime_2024, aime_2025 or aime_train'],
    [['eval.input=x.jsonl'], 'samples its completions itself'],
    [['eval.mode=logprobs', 'eval.temperatures=[1]'], 'samples nothing'],
    [['eval.ks=[17]'], 'expected at most eval.samples_per_prompt=16, got 17'],
    [['eval.best_of=[2,32]'], 'expected at most eval.samples_per_prompt=16, got 32'],
    [['eval.temperatures=[1,1]'], 'different numbers'],
    [['eval.selector=men'], 'Did you mean mean?'],
  ])('%j is refused', (overrides, message) => {
    expect(() => resolveConfig('evaluate', { overrides, needsInputs: false })).toThrow(message);
  });

  it("take the reference's keys", () => {
    const overrides = [
      ...['eval.mode=pregenerated_sft', 'eval.pregenerated_jsonl_path=x.jsonl', 'eval.pregenerated_source_dir=dir'],
      ...['eval.pregenerated_candidates=[a.jsonl]', 'eval.output_file=o.jsonl', 'sampling.n_samples=8'],
      ...['eval.compute_policy_log_probs=false', 'eval.compute_reward_model_scores=true', 'sampling.top_p=0.95'],
    ];
    const { eval: evaluation, sampling } = resolveConfig('evaluate', { overrides });
    expect(evaluation).toMatchObject({
      input: 'x.jsonl',
      input_dir: 'dir',
      input_candidates: ['a.jsonl'],
      output: 'o.jsonl',
      policy_log_probs: false,
      critic_scores: true,
      samples_per_prompt: 8,
    });
    expect(sampling.top_p).toBe(0.95);
  });

  it('that read completions need no data, the others do', () => {
    expect(() => resolveConfig('evaluate', { overrides: ['eval.mode=logprobs'] })).not.toThrow();
    expect(() => resolveConfig('evaluate', {})).toThrow('data.path: expected a path, got none');
  });
});

describe('docs/evaluation.md', () => {
  const text = readFileSync(new URL('../../../../docs/evaluation.md', import.meta.url), 'utf8');

  it('names every mode, file, selector, ranker and rule', () => {
    const files = Object.values(EVALUATION_MODES).map(({ output }) => output.replace('<name>', '<data.format>'));
    for (const name of [...EVALUATION_MODE_NAMES, ...files, ...SELECTOR_NAMES, ...RANKER_NAMES, ...BEST_OF_RULES]) {
      expect(
        ['`', '='].some((mark) => text.includes(`${mark}${name}`)),
        name,
      ).toBe(true);
    }
  });
});
