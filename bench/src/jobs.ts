import { ToolError } from '@dawngrad/tensor';
import type { BenchArguments } from './arguments.ts';
import { adamwCases } from './cases/adamw.ts';
import { attentionCases } from './cases/attention.ts';
import { decodeKernelCases } from './cases/decode-kernels.ts';
import { elementwiseCases } from './cases/elementwise.ts';
import { embeddingCases } from './cases/embedding.ts';
import { generateCases } from './cases/generate.ts';
import { indexingCases } from './cases/indexing.ts';
import { linearLogProbsCases } from './cases/linear-log-probs.ts';
import { loadCases } from './cases/load.ts';
import { matmulCases } from './cases/matmul.ts';
import { memoryCases } from './cases/memory.ts';
import { randomCases } from './cases/random.ts';
import { reduceCases } from './cases/reduce.ts';
import { rowCases } from './cases/rows.ts';
import { sortCases } from './cases/sort.ts';
import { trainStepCases } from './cases/train-step.ts';
import { weightCases } from './cases/weights.ts';
import { dispatchJobs } from './dispatch/dispatch-jobs.ts';
import { evaluationJobs } from './evaluation/evaluation-jobs.ts';
import { type Job, measuredJobs } from './job.ts';
import { peerJobs } from './peers/peer-jobs.ts';
import { rlJobs } from './rl/rl-jobs.ts';
import { compilerPassJobs } from './tune/compiler-passes.ts';
import { matmulTuneJobs } from './tune/tune-matmul.ts';

/** Every job of every suite, in the order of the table. `peersFolder` is only looked at when a job runs. */
export function allJobs(peersFolder: string): readonly Job[] {
  return [
    ...measuredJobs('kernels', [
      ...matmulCases,
      ...weightCases,
      ...attentionCases,
      ...linearLogProbsCases,
      ...rowCases,
      ...reduceCases,
      ...elementwiseCases,
      ...embeddingCases,
      ...indexingCases,
      ...sortCases,
      ...randomCases,
      ...adamwCases,
    ]),
    ...measuredJobs('train', trainStepCases),
    ...measuredJobs('decode', [...generateCases, ...decodeKernelCases]),
    ...measuredJobs('load', loadCases),
    ...measuredJobs('memory', memoryCases),
    ...rlJobs,
    ...evaluationJobs,
    ...dispatchJobs,
    ...matmulTuneJobs,
    ...compilerPassJobs,
    ...peerJobs(peersFolder),
  ];
}

/** The jobs that the arguments ask for. Throws ToolError 'usage' where there are none. */
export function selectJobs(jobs: readonly Job[], options: BenchArguments): Job[] {
  const text = options.filter.toLowerCase();
  const inSuites = jobs.filter(({ suite }) => options.suites.includes(suite));
  const named = inSuites.filter(({ name }) => name.toLowerCase().includes(text));
  if (named.length === 0) {
    throw new ToolError('usage', {
      op: 'bench',
      expected: `text that occurs in the name of a case of ${options.suites.join(', ')}`,
      got: options.filter,
      hint: `npm run bench -- --suite ${options.suites[0]} --list`,
    });
  }
  // Who names a case wants it, quick or not.
  return options.isQuick && text === '' ? named.filter(({ isQuick }) => isQuick) : named;
}
