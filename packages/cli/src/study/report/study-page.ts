import type { ReportInput } from '@dawngrad/eval';
import { summarise } from '@dawngrad/eval';
import { claimLines, type StudyReport, studySections } from './study-report.ts';

/** The report as a page of the report generator. */
export function studyPage(report: StudyReport): ReportInput {
  const { title, command, settings, results, hacking, cost, notes } = report;
  const seeds = [...new Set(results.flatMap((one) => one.seeds))];
  const arms = settings.settings.flatMap((setting) => settings.arms[setting]);
  return {
    title,
    lede: [
      ...claimLines(report),
      ...(hacking?.status === 'reward hacking' ? [`In setting O: ${hacking.sentence}`] : []),
    ].join(' '),
    runs: [
      {
        name: 'study',
        kind: 'study',
        state: report.isWhole ? 'finished' : 'running',
        facts: [
          ['command', command],
          ['seeds', `${seeds.join(', ')} of ${settings.seeds.join(', ')}`],
          ['settings', settings.settings.map((one) => (one === 'tool' ? 'T' : 'O')).join(', ')],
          ['size', settings.size],
          ['adapter', cost.adapters.join('; ')],
          ['driver', cost.drivers.join('; ')],
          ['commit', cost.commits.join(', ')],
        ],
        checkerUse: [
          'the choice of SFT’s checkpoint, on dev problems',
          ...(arms.some(({ method }) => method === 'grpo')
            ? ['the reward of GRPO, the reference with a verifier']
            : []),
          ...(arms.some(({ relabel = 'off' }) => relabel !== 'off')
            ? ['the labels of the arm that is relabelled by answer agreement']
            : []),
        ],
        config: JSON.stringify(settings, null, 2),
        environment: null,
      },
    ],
    summary: summarise([]),
    stages: [],
    sections: studySections(report),
    difference: null,
    completions: [],
    missing: {},
    without: ['results', 'rerank', 'calibration', 'localisation', 'curves', 'completions', 'difference'],
    notes,
  };
}
