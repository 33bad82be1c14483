import { describe, expect, it } from 'vitest';
import { plainText } from '../../src/ui/plain-text.ts';
import { Progress } from '../../src/ui/progress.ts';
import { duration, progressLine } from '../../src/ui/progress-line.ts';

const IRL = {
  reward: 0.412,
  reward_std: 0.3,
  accuracy: 0.38,
  'disc/acc': 0.81,
  kl: 0.021,
  'completions/mean_length': 142.6,
  'completions/clipped_ratio': 0.03,
  'perf/tokens_per_second': 4100,
  loss: 0.5,
};

/** A progress display on a clock that moves only when told to. */
function display(isTerminal: boolean, columns = 200) {
  const state = { nowMs: 0, text: '' };
  const write = (text: string): void => {
    state.text += text;
  };
  return { state, progress: new Progress({ write, isTerminal, columns: () => columns, nowMs: () => state.nowMs }) };
}

describe('progressLine', () => {
  it('shows step, loss, speed and time left', () => {
    const metrics = { loss: 1.23456, 'perf/tokens_per_second': 950, lr: 1e-4 };
    expect(
      progressLine({ stage: 'sft', done: 12, total: 500, metrics, eta: { seconds: 2465, isAtLeast: false } }),
    ).toBe('sft     12/500   2% | loss 1.235 | 950 tok/s | eta 41m05s');
  });

  it('shows what there is to see of a round in at most 120 characters', () => {
    const line = progressLine({
      stage: 'irl',
      done: 120,
      total: 500,
      metrics: IRL,
      eta: { seconds: 11_300, isAtLeast: false },
    });
    expect(line).toBe(
      'irl    120/500  24% | R 0.412±0.30 | acc 0.38 | critic 0.81 | kl 0.021 | len 143 | trunc 3% | 4.1k tok/s | eta 3h08m',
    );
    expect(line.length).toBeLessThanOrEqual(120);
    const shares = { 'time/rollout_share': 0.614, 'time/critic_share': 0.08, 'time/reward_share': 0.1 };
    const timed = { ...IRL, ...shares, 'time/update_share': 0.2, 'time/save_share': 0.004 };
    expect(progressLine({ stage: 'irl', done: 120, total: 500, metrics: timed, eta: undefined })).toBe(
      'irl    120/500  24% | R 0.412±0.30 | acc 0.38 | critic 0.81 | roll 61 crit 8 score 10 upd 20% | 4.1k tok/s | eta -',
    );
    const long = progressLine({
      stage: 'critic warm-up',
      done: 1200,
      total: 5000,
      metrics: IRL,
      eta: { seconds: 11_300, isAtLeast: false },
    });
    expect(long.length).toBeLessThanOrEqual(120);
    expect(long).toMatch(/tok\/s \| eta 3h08m$/);
  });

  it("shows the critic's loss where a row has neither a loss nor a reward", () => {
    const metrics = { 'disc/loss': 0.7126, 'disc/acc': 0.5, 'perf/tokens_per_second': 950 };
    const show = (more: Record<string, number>): string =>
      progressLine({
        stage: 'critic warm-up',
        done: 1,
        total: 2,
        metrics: { ...metrics, ...more },
        eta: { seconds: 9, isAtLeast: false },
      });
    expect(show({})).toBe('critic warm-up 1/2  50% | loss 0.713 | critic 0.50 | 950 tok/s | eta 9s');
    expect(show({ loss: 2 })).toContain('| loss 2.000 | critic');
    expect(show({ reward: 0.1 })).toContain('50% | R 0.100 | critic');
  });

  it('has no time left at the end and none before there is anything to tell it from', () => {
    expect(progressLine({ stage: 's', done: 5, total: 5, metrics: {}, eta: undefined })).toBe('s      5/5 100%');
    expect(progressLine({ stage: 's', done: 1, total: 5, metrics: {}, eta: undefined })).toContain('eta -');
  });

  it('shows a loss that is not a number as such', () => {
    expect(progressLine({ stage: 's', done: 1, total: 1, metrics: { loss: Number.NaN }, eta: undefined })).toContain(
      'loss NaN',
    );
  });
});

describe('duration', () => {
  it.each([
    [0.4, '0s'],
    [59.6, '1m00s'],
    [725, '12m05s'],
    [3600, '1h00m'],
    [90_000, '1d01h'],
  ])('of %d seconds is %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe('Progress', () => {
  it('estimates the time left from the steps after the first, which compiles kernels', () => {
    const { state, progress } = display(false);
    state.nowMs = 60_000;
    progress.step('sft', 1, 101, {});
    state.nowMs += 10 * 2000;
    progress.step('sft', 11, 101, {});
    expect(state.text.split('\n')[1]).toContain('eta 3m00s');
  });

  it('counts only the steps of this process after a resume', () => {
    const { state, progress } = display(false);
    progress.step('sft', 51, 100, {});
    state.nowMs = 9000;
    progress.step('sft', 52, 100, {});
    expect(state.text).toContain('eta 7m12s');
  });

  it('shows what the step at hand does, from the plan on, and goes on to the next stage', () => {
    const { state, progress } = display(true);
    progress.plan([
      { stage: 'critic warm-up', done: 0, total: 2 },
      { stage: 'irl', done: 0, total: 3, saveEvery: 1 },
    ]);
    const shown = (): string => state.text.split('\r\u001b[K').at(-1)!;
    state.nowMs = 1000;
    progress.phase('rollout', 0, 0);
    expect(shown()).toBe('critic warm-up 0/2   0% | rollout | eta -');
    state.nowMs = 2000;
    progress.phase('rollout', 31, 64, 2130);
    expect(shown()).toBe('critic warm-up 0/2   0% | rollout 31/64 2.1k tok | eta -');
    progress.step('critic warm-up', 1, 2, { 'disc/loss': 0.5 });
    state.nowMs = 3000;
    progress.step('critic warm-up', 2, 2, { 'disc/loss': 0.4 });
    state.nowMs = 4000;
    progress.phase('save', 0, 0);
    expect(shown()).toBe('critic warm-up 2/2 100% | loss 0.400 | save');
    state.nowMs = 5000;
    progress.phase('rollout', 0, 0);
    expect(shown()).toBe('irl    0/3   0% | rollout | eta -');
    progress.step('irl', 1, 3, { reward: 1 });
    state.nowMs = 6000;
    progress.phase('rollout', 3, 64, 12);
    expect(shown()).toBe('irl    1/3  33% | R 1.000 | rollout 3/64 12 tok | eta -');
  });

  it('keeps a line shorter than the terminal, where it would wrap', () => {
    const { state, progress } = display(true, 60);
    progress.step('irl', 1, 500, IRL);
    expect(state.text).toBe('\r\u001b[Kirl      1/500   0% | R 0.412±0.30 | 4.1k tok/s | eta -');
  });

  it('prints whole lines every five seconds where there is no terminal', () => {
    const { state, progress } = display(false);
    for (let step = 1; step <= 100; step++) {
      state.nowMs = step * 100;
      progress.step('sft', step, 100, { loss: 1 });
    }
    progress.close();
    const lines = state.text.trimEnd().split('\n');
    expect(lines.map((line) => /(\d+)\/100/.exec(line)?.[1])).toEqual(['1', '51', '100']);
    expect(state.text).not.toContain('\r');
    expect(state.text).not.toContain('\u001b');
  });

  it('prints fewer lines of a long run: one in a hundredth of its time, and one a minute', () => {
    const { state, progress } = display(false);
    const total = 3 * 3600;
    for (let step = 1; step < total; step++) {
      state.nowMs = step * 1000;
      progress.phase('rollout', step % 7, 7, 100);
      progress.step('sft', step, total, { loss: 1 });
    }
    const lines = state.text.trimEnd().split('\n');
    const at = lines.map((line) => Number(/(\d+)\//.exec(line)?.[1]));
    expect(at.slice(0, 3)).toEqual([1, 6, 11]);
    expect(at.at(-1)! - at.at(-2)!).toBe(60);
    expect(lines.length).toBeLessThan(500);
    expect(state.text).not.toContain('\u001b');
  });

  it('changes one line on a terminal and keeps the last state of each stage', () => {
    const { state, progress } = display(true);
    progress.step('sft', 1, 2, {});
    progress.note('checkpoint saved');
    progress.step('sft', 2, 2, {});
    progress.step('grpo', 1, 2, {});
    progress.close();
    const visible = state.text.split('\n').map((line) => line.split('\r\u001b[K').at(-1));
    expect(visible).toEqual(['checkpoint saved', 'sft    2/2 100%', 'grpo   1/2  50% | eta -', '']);
  });

  it('lets no escape sequence of a note through', () => {
    const { state, progress } = display(false);
    progress.note('a\u001b]0;title\u0007b');
    expect(state.text).toBe('a]0;titleb\n');
  });
});

describe('plainText', () => {
  it('keeps text, newlines and tabs, and drops controls and reordering marks', () => {
    expect(plainText('é漢😀\n\t\r\u0000\u0085\u202e\u2066x\u007f')).toBe('é漢😀\n\tx');
  });
});
