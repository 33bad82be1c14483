import type { PlotRun, SeedGroup } from './plot-run.ts';

/** How many prompts, samples and seeds are behind numbers, and how their intervals were made. */
export function numberNotes(runs: readonly PlotRun[], groups: readonly SeedGroup[] = []): string[] {
  return [`n: ${samplesText(runs)}.`, intervalNote(runs, groups)];
}

/** "n = 1319 prompts x 16 samples". */
function samplesText(runs: readonly PlotRun[]): string {
  const prompts = range(runs.map(({ summary }) => summary.prompts));
  const samples = range(runs.flatMap(({ summary: { samplesPerPrompt: s } }) => [s.min, s.max]));
  return `${prompts} prompts x ${samples} samples a run${runs.length > 1 ? `, ${runs.length} runs` : ''}`;
}

function intervalNote(runs: readonly PlotRun[], groups: readonly SeedGroup[]): string {
  const { resamples, seed } = runs[0]!.summary.bootstrap;
  const seeds = groups.map((group) => group.runs.length);
  const isPooled = seeds.some((count) => count > 1);
  return (
    `Intervals: 95 %, percentile bootstrap over prompts (${resamples} resamples, seed ${seed}); ` +
    `Wilson's where all prompts agree` +
    (isPooled ? `; with several seeds (${range(seeds)}), bootstrap of seeds and, crossed with them, prompts.` : '.')
  );
}

/** How token scores became one, and which N samples were chosen from. */
export function selectionNote([run]: readonly PlotRun[]): string {
  const { selector, bestOfN } = run!.summary;
  const rule = bestOfN.rule === 'first' ? 'the first N samples' : 'the expectation over all sets of N samples';
  return `Token scores become one by ${selector}; best-of-N is ${rule}, ties averaged.`;
}

function range(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? String(low) : `${low} to ${high}`;
}
