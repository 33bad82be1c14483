import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { batchScript } from '../../src/sweep/slurm/batch-script.ts';
import { type JobGroup, jobGroups } from '../../src/sweep/slurm/job-groups.ts';
import type { StageManifest } from '../../src/sweep/stage-manifest.ts';

function stage(id: string, dependsOn: readonly string[] = [], more: Partial<StageManifest> = {}): StageManifest {
  return {
    schema: 1,
    id,
    stage: id.split('-')[0] as string,
    label: id,
    values: {},
    hash: id,
    verb: ['train', 'sft'],
    args: ['train', 'sft'],
    workingFolder: '/',
    env: {},
    needsAdapter: true,
    leastFreeBytes: 0,
    config: null,
    inputs: {},
    dependsOn,
    code: { version: '0', commit: null },
    slurm: {},
    state: 'waiting',
    attempts: [],
    ...more,
  };
}

const shown = (groups: readonly JobGroup[]) =>
  groups.map(({ tasks, needs }) => [[...tasks].map(([index, { id }]) => `${index}:${id}`).join(' '), needs]);

describe('job arrays', () => {
  it('match indices where each stage takes from one', () => {
    const groups = jobGroups(
      [
        stage('a-0'),
        stage('a-1'),
        stage('b-1', ['a-1']),
        stage('c-1', ['b-1']),
        stage('d-0', ['a-0']),
        stage('d-1', ['a-1']),
      ],
      () => false,
    );
    expect(shown(groups)).toEqual([
      ['0:a-0 1:a-1', { kind: 'none' }],
      ['1:b-1', { kind: 'same-index', group: 0 }],
      ['1:c-1', { kind: 'same-index', group: 1 }],
      ['0:d-0 1:d-1', { kind: 'same-index', group: 0 }],
    ]);
  });

  it('of several stages that take from one are as many', () => {
    const groups = jobGroups(
      [stage('a-0'), stage('a-1'), stage('b-x', ['a-0']), stage('b-y', ['a-0']), stage('b-z', ['a-1'])],
      () => false,
    );
    expect(shown(groups).slice(1)).toEqual([
      ['0:b-x 1:b-z', { kind: 'same-index', group: 0 }],
      ['0:b-y', { kind: 'same-index', group: 0 }],
    ]);
  });

  it('wait for lists where a stage takes from several, and for nothing that is done', () => {
    const groups = jobGroups(
      [
        stage('a-0'),
        stage('a-1'),
        stage('b-0', ['a-0', 'a-1']),
        stage('b-1', ['a-1', 'a-0']),
        stage('c-0', ['old', 'queued']),
      ],
      (id) => id === 'old',
    );
    expect(shown(groups).slice(1)).toEqual([
      ['0:b-0 1:b-1', { kind: 'all', ids: ['a-0', 'a-1'] }],
      ['0:c-0', { kind: 'all', ids: ['queued'] }],
    ]);
  });
});

describe('the script of an array', () => {
  const options = {
    sweep: 's',
    folder: "/data/it's here",
    workingFolder: '/work',
    command: ['/usr/bin/node', '/x/d.mjs'],
  };
  const script = (slurm: StageManifest['slurm'], needsAdapter = true): string => {
    const [group] = jobGroups([stage('a-0', [], { slurm, needsAdapter })], () => false);
    return batchScript(group as JobGroup, options);
  };

  it('asks for what the sweep says, and for a GPU where the verb computes on one', () => {
    const text = script({
      partition: 'gpu',
      account: 'lab',
      gpus: 'a100:2',
      time: '1:00:00',
      grace_s: 60,
      at_once: 4,
      options: ['--exclusive'],
    });
    for (const option of [
      'partition=gpu',
      'account=lab',
      'gres=gpu:a100:2',
      'time=1:00:00',
      'signal=B:TERM@60',
      'array=0%4',
      'exclusive',
      'requeue',
    ]) {
      expect(text).toContain(`#SBATCH --${option}\n`);
    }
    expect(script({})).toContain('#SBATCH --gres=gpu:1\n');
    expect(script({ gpus: 2 }, false)).not.toContain('gres');
    expect(script({ gpus: 0 })).not.toContain('gres');
  });

  it('runs in a container where one is named', () => {
    expect(script({ container_image: 'lab/dawn:1', container_mounts: '/data:/data' })).toContain(
      '\nsrun --container-image=lab/dawn:1 --container-mounts=/data:/data /usr/bin/node /x/d.mjs sweep stage "$stage" &',
    );
    expect(script({ apptainer: 'dawn.sif', command: ['dawngrad'] })).toContain(
      '\napptainer exec --nv dawn.sif dawngrad sweep stage "$stage" &',
    );
  });

  it('is bash, whatever the paths hold', () => {
    const { status, stderr } = spawnSync('bash', ['-n'], {
      input: script({ setup: ['module load vulkan'] }),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
