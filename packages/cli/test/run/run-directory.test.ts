import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runEnvironment } from '../../src/run/environment.ts';
import { RunDirectory } from '../../src/run/run-directory.ts';
import { hashInputs } from '../../src/run/run-inputs.ts';

let base: string;
let path: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dawngrad-run-'));
  path = join(base, 'a', 'run');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const CONFIG = { run: { seed: 1 }, reward: { clip: [-5, 5] }, train: { max_steps: 10 } };
const ADAPTER = {
  vendor: 'v',
  architecture: 'a',
  device: 'd',
  description: 'x',
  isSoftware: true,
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
};

const open = (resume = false, config: object = CONFIG): RunDirectory => RunDirectory.open({ path, config, resume });

function failure(action: () => unknown): ToolError {
  try {
    action();
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('RunDirectory', () => {
  it('makes the folder with the configuration, and logs once they are written to', () => {
    const run = open();
    expect(readdirSync(path).sort()).toEqual(['config.lock.json', 'lock']);
    run.metrics.append({ step: 1 });
    run[Symbol.dispose]();
    expect(readdirSync(path).sort()).toEqual(['config.lock.json', 'metrics.jsonl']);
    expect(JSON.parse(readFileSync(join(path, 'config.lock.json'), 'utf8'))).toEqual(CONFIG);
  });

  it('refuses a folder that holds something, and leaves it as it was', () => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'thesis.txt'), 'mine');
    expect(failure(() => open())).toMatchObject({ code: 'config', message: expect.stringContaining('thesis.txt') });
    expect(failure(() => open(true)).message).toContain('config.lock.json');
    expect(readdirSync(path)).toEqual(['thesis.txt']);
  });

  it('refuses the folder of another run without --resume', () => {
    const run = open();
    run.metrics.append({ step: 1 });
    run[Symbol.dispose]();
    expect(failure(() => open()).message).toContain('continue it with --resume');
  });

  it('starts anew where a run failed before its first step', () => {
    open()[Symbol.dispose]();
    writeFileSync(join(path, 'env.json'), '{}');
    writeFileSync(join(path, 'metrics.jsonl'), '');
    const other = { ...CONFIG, train: { max_steps: 20 } };
    open(false, other)[Symbol.dispose]();
    expect(readdirSync(path)).toEqual(['config.lock.json']);
    expect(JSON.parse(readFileSync(join(path, 'config.lock.json'), 'utf8'))).toEqual(other);
  });

  it('does not start a new run with --resume, not even an empty folder', () => {
    expect(failure(() => open(true))).toMatchObject({
      code: 'config',
      message: expect.stringContaining('no such folder'),
    });
    expect(existsSync(path)).toBe(false);
  });

  it('appends rows, and on resume goes back to the recorded sizes', () => {
    const first = open();
    first.metrics.append({ step: 1, loss: 2 });
    first.samples.append({ step: 1, text: 'é\n' });
    const offsets = first.offsets();
    first.metrics.append({ step: 2, loss: Number.NaN });
    first.samples.append({ step: 2, text: 'x' });
    first[Symbol.dispose]();
    expect(readFileSync(join(path, 'metrics.jsonl'), 'utf8')).toBe('{"step":1,"loss":2}\n{"step":2,"loss":"NaN"}\n');

    const second = open(true);
    second.truncate(offsets);
    second.metrics.append({ step: 2, loss: 1 });
    second[Symbol.dispose]();
    expect(readFileSync(join(path, 'metrics.jsonl'), 'utf8')).toBe('{"step":1,"loss":2}\n{"step":2,"loss":1}\n');
    expect(readFileSync(join(path, 'samples.jsonl'), 'utf8')).toBe('{"step":1,"text":"é\\n"}\n');
  });

  it('drops a line that a crash cut in two', () => {
    const first = open();
    first.metrics.append({ step: 1 });
    const offsets = first.offsets();
    first[Symbol.dispose]();
    writeFileSync(join(path, 'metrics.jsonl'), '{"step":1}\n{"ste');
    const second = open(true);
    second.truncate(offsets);
    second[Symbol.dispose]();
    expect(readFileSync(join(path, 'metrics.jsonl'), 'utf8')).toBe('{"step":1}\n');
  });

  it('calls logs corrupt that are shorter than the checkpoint says', () => {
    const run = open();
    expect(failure(() => run.truncate({ metrics: 5, samples: 0 }))).toMatchObject({ code: 'corrupt' });
    run[Symbol.dispose]();
  });

  it('names the fields that differ from the run that continues', () => {
    open()[Symbol.dispose]();
    const error = failure(() => open(true, { ...CONFIG, run: { seed: 2 }, train: { max_steps: 10, micro_batch: 1 } }));
    expect(error.code).toBe('config');
    expect(error.message.split('\n')).toEqual([
      `${join(path, 'config.lock.json')}: a run that continues keeps its configuration; changed:`,
      '  run.seed: 1 -> 2',
      '  train.micro_batch: not there -> 1',
      'Hint: give the values of the run, or start a new one in another run.dir.',
    ]);
    open(true, { ...structuredClone(CONFIG), run: { seed: 1, dir: 'moved' } })[Symbol.dispose]();
  });

  describe('with settings that may change', () => {
    const rules = {
      isSafe: (key: string) => key === 'train.max_steps',
      presetOf: (key: string) => (key === 'train.on_spike' ? 'note' : undefined),
    };
    const again = (config: object): RunDirectory => RunDirectory.open({ path, config, resume: true, rules });
    const start = { adapter: ADAPTER, seed: 1, argv: [], dataHashes: {} };

    it('takes them, keeps them, and says in env.json which start changed what', () => {
      const first = open();
      first.recordEnvironment(runEnvironment(start));
      first[Symbol.dispose]();
      const longer = { ...CONFIG, train: { max_steps: 20 } };
      const second = again(longer);
      expect(second.changes).toEqual([{ key: 'train.max_steps', was: 10, is: 20 }]);
      second.recordEnvironment(runEnvironment(start));
      second[Symbol.dispose]();
      expect(JSON.parse(readFileSync(join(path, 'config.lock.json'), 'utf8'))).toEqual(longer);
      const { starts } = JSON.parse(readFileSync(join(path, 'env.json'), 'utf8'));
      expect(starts[0]).not.toHaveProperty('changes');
      expect(starts[1].changes).toEqual([{ key: 'train.max_steps', was: 10, is: 20 }]);
      again(longer)[Symbol.dispose]();
    });

    it('refuses all where one may not, and shows which', () => {
      open()[Symbol.dispose]();
      const error = failure(() => again({ ...CONFIG, run: { seed: 2 }, train: { max_steps: 20 } }));
      expect(error.message).toContain('\n  run.seed: 1 -> 2\n  train.max_steps: 10 -> 20 (this one may change)\n');
      again(CONFIG)[Symbol.dispose]();
    });

    it('goes on with a run from before a setting was there, where the setting is as if it were not', () => {
      open()[Symbol.dispose]();
      const newer = (on_spike: string): object => ({ ...CONFIG, train: { max_steps: 10, on_spike } });
      expect(failure(() => again(newer('skip'))).message).toContain('train.on_spike: not there -> "skip"');
      again(newer('note'))[Symbol.dispose]();
    });
  });

  it('knows whether a folder holds a run that is there to be continued', () => {
    expect(RunDirectory.holdsRun(path)).toBe(false);
    const run = open();
    expect(RunDirectory.holdsRun(path)).toBe(false);
    run.metrics.append({ step: 1 });
    run[Symbol.dispose]();
    expect(RunDirectory.holdsRun(path)).toBe(true);
  });

  it('starts where a process was killed while it wrote the first files', () => {
    mkdirSync(path, { recursive: true });
    for (const name of ['lock.77', 'config.lock.json.77.tmp', 'env.json.77.tmp']) writeFileSync(join(path, name), '{');
    open()[Symbol.dispose]();
    expect(readdirSync(path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('calls a damaged config.lock.json corrupt', () => {
    open()[Symbol.dispose]();
    writeFileSync(join(path, 'config.lock.json'), '{"run"');
    expect(failure(() => open(true))).toMatchObject({ code: 'corrupt' });
  });

  it('is refused to a second process while the first one holds it', () => {
    const run = open();
    expect(failure(() => open(true)).message).toContain(`process ${process.pid}`);
    run[Symbol.dispose]();
    open(true)[Symbol.dispose]();
  });

  it.each([
    ['of a process that is gone', { pid: 2 ** 22 + 1, started: '1', host: hostname() }],
    ['of an earlier process with the same number', { pid: process.pid, started: '1', host: hostname() }],
    ['that is empty', undefined],
  ])('takes over a lock %s', (_, holder) => {
    open()[Symbol.dispose]();
    writeFileSync(join(path, 'lock'), holder === undefined ? '' : JSON.stringify(holder));
    const run = open(true);
    expect(JSON.parse(readFileSync(join(path, 'lock'), 'utf8')).pid).toBe(process.pid);
    run[Symbol.dispose]();
    expect(readdirSync(path).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  it('takes over where a process was killed in the middle of taking over, and not while it is at it', () => {
    open()[Symbol.dispose]();
    const gone = JSON.stringify({ pid: 2 ** 22 + 1, started: '1', host: hostname() });
    for (const name of ['lock', 'lock.takeover']) writeFileSync(join(path, name), gone);
    const run = open(true);
    writeFileSync(join(path, 'lock.takeover'), readFileSync(join(path, 'lock')));
    run[Symbol.dispose]();
    writeFileSync(join(path, 'lock'), gone);
    expect(failure(() => open(true)).message).toContain(`process ${process.pid}`);
  });

  it('does not take over the lock of another machine', () => {
    open()[Symbol.dispose]();
    writeFileSync(join(path, 'lock'), JSON.stringify({ pid: 1, started: '1', host: 'elsewhere' }));
    expect(failure(() => open(true)).message).toContain('process 1 on elsewhere');
  });

  it('does not write through a link that stands in the place of its lock', () => {
    mkdirSync(path, { recursive: true });
    const victim = join(base, 'victim');
    writeFileSync(victim, 'untouched');
    symlinkSync(victim, join(path, `lock.${process.pid}`));
    open()[Symbol.dispose]();
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
  });

  it('says so where the folder cannot be made', () => {
    writeFileSync(join(base, 'a'), 'a file');
    expect(failure(() => open())).toMatchObject({ code: 'config', message: expect.stringContaining('ENOTDIR') });
    expect(failure(() => RunDirectory.open({ path: join(base, 'a'), config: CONFIG, resume: false }))).toMatchObject({
      code: 'config',
      message: expect.stringContaining(`got a file at ${join(base, 'a')}.`),
    });
    expect(existsSync(path)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('ends where a folder that is there takes no new ones', () => {
    const error = failure(() => RunDirectory.open({ path: '/proc/none/run', config: CONFIG, resume: false }));
    expect(error).toMatchObject({ code: 'config', message: expect.stringContaining('/proc/none/run') });
  });

  it('keeps one entry of env.json for each start', async () => {
    const data = join(base, 'rows.jsonl');
    writeFileSync(data, 'abc');
    const dataHashes = await hashInputs([{ role: 'data', files: [data] }]);
    for (const resume of [false, true]) {
      const run = open(resume);
      run.recordEnvironment(runEnvironment({ adapter: ADAPTER, seed: 1, dataHashes, argv: ['train'] }));
      run[Symbol.dispose]();
    }
    const { starts } = JSON.parse(readFileSync(join(path, 'env.json'), 'utf8'));
    expect(starts).toHaveLength(2);
    expect(starts[1]).toMatchObject({
      node: process.version,
      adapter: ADAPTER,
      seed: 1,
      dataHashes: { data: { [data]: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' } },
    });
    expect(starts[0].dawn).toMatch(/^\d+\.\d+\.\d+/);
  });

  it.each([
    ['the content of the data', { data: { 'rows.jsonl': 'b' }, policy: { 'm/a': '1' } }, 'data.path'],
    ['the model, at another path', { data: { 'rows.jsonl': 'a' }, policy: { 'n/a': '2' } }, 'policy.model'],
    ['the number of files', { data: { 'rows.jsonl': 'a' }, policy: { 'm/a': '1', 'm/b': '1' } }, 'policy.model'],
    [
      'a critic that there was not',
      { data: { 'rows.jsonl': 'a' }, policy: { 'm/a': '1' }, critic: { c: '1' } },
      'critic',
    ],
    ['a model that is missing', { data: { 'rows.jsonl': 'a' } }, 'policy.model'],
  ])('does not go on where another start changed %s', (_, dataHashes, setting) => {
    const start = { adapter: ADAPTER, seed: 1, argv: [] };
    using run = open();
    run.recordEnvironment(
      runEnvironment({ ...start, dataHashes: { data: { 'rows.jsonl': 'a' }, policy: { 'm/a': '1' } } }),
    );
    const before = readFileSync(join(path, 'env.json'), 'utf8');
    const error = failure(() => run.recordEnvironment(runEnvironment({ ...start, dataHashes })));
    expect(error).toMatchObject({ code: 'config', message: expect.stringMatching(`^${setting}`) });
    expect(readFileSync(join(path, 'env.json'), 'utf8')).toBe(before);
  });

  it('goes on where a model lies in another folder, and not from the env.json of another version', () => {
    const start = { adapter: ADAPTER, seed: 1, argv: [] };
    using run = open();
    for (const file of ['old/manifest.json', 'new/manifest.json']) {
      run.recordEnvironment(runEnvironment({ ...start, dataHashes: { policy: { [file]: '1' } } }));
    }
    writeFileSync(join(path, 'env.json'), '{"schema":1,"starts":[]}');
    const error = failure(() => run.recordEnvironment(runEnvironment({ ...start, dataHashes: {} })));
    expect(error).toMatchObject({ code: 'config', message: expect.stringContaining('schema 1') });
  });
});
