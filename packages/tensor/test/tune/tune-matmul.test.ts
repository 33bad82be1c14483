import {
  type Device,
  gateDevice,
  gateMatmul,
  type MatmulCandidate,
  matmul,
  matmulCandidates,
  matmulCapabilities,
  matmulClass,
  read,
  scopeAsync,
  Tensor,
  TuningTable,
  tuneMatmul,
  useTuning,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refuseMatmulFamily } from '../../src/kernels/matmul-capabilities.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const ORIGIN = { adapter: 'test', driver: 'test', dawn: 'test' };
const PLAIN = { transA: false, transB: false } as const;
const size = (m: number, n: number, k: number) => ({
  ...{ m, n, k, batch: 1, lda: k, ldb: n, ldc: n },
  ...{ strideA: 0, strideB: 0, strideC: m * n },
});

function candidates(m = 64, n = 64, k = 64): MatmulCandidate[] {
  return matmulCandidates(size(m, n, k), { ...PLAIN, epilogue: 'none' }, matmulCapabilities(device));
}

/** Stages four of every six steps of k, and adds up all six. */
const WRONG: MatmulCandidate = {
  id: 'wrong',
  tile: { memory: 'workgroup', rows: 4, columns: 4, lanesM: 8, lanesN: 8, lanesK: 1, depth: 6 },
  splits: 1,
  inOrder: true,
};
/** Columns come in runs of four. */
const UNFIT: MatmulCandidate = { ...WRONG, id: 'unfit', tile: { ...WRONG.tile, memory: 'registers', columns: 2 } };

describe('the gate', () => {
  it('lets every candidate of this device through', async () => {
    const failures: string[] = [];
    for (const candidate of candidates()) {
      const refused = await gateMatmul(device, candidate, PLAIN);
      if (refused !== undefined) failures.push(`${candidate.id}: ${refused}`);
    }
    expect(failures).toEqual([]);
  });

  it('refuses a kernel that computes something else, and one that does not compile, and the device goes on', async () => {
    expect(await gateMatmul(device, WRONG, PLAIN)).toMatch(/error .* of the largest value at 37 x 29 x 53/);
    expect(await gateMatmul(device, UNFIT, PLAIN)).toMatch(/does not compile/);
    expect(device.state).toBe('ready');
  });
});

describe('the gate of a device', () => {
  it('tries a member of every family, and finds all of them right here', async () => {
    const results = await gateDevice(device);
    expect(results.map(({ family }) => family)).toEqual(
      expect.arrayContaining(device.adapterClass === 'cpu' ? ['registers', 'registers-shared-k'] : ['workgroup']),
    );
    expect(results.filter(({ refused }) => refused !== undefined)).toEqual([]);
  });

  it('takes families that are refused out of the choice, and says so where none is left', async () => {
    using other = await openDevice();
    const { adapterClass } = other;
    const before = matmulCandidates(size(64, 64, 64), { ...PLAIN, epilogue: 'none' }, matmulCapabilities(other));
    const families = [...new Set(before.map((candidate) => candidate.tile.memory as string))];
    expect(families.length).toBeGreaterThan(adapterClass === 'cpu' ? 0 : 1);
    for (const family of families) refuseMatmulFamily(other, family);
    const a = Tensor.from(other, [1, 2, 3, 4], [2, 2]);
    expect(() => matmul(a, a)).toThrowError(/none: refused are/);
    a.dispose();
  });
});

describe('the tuner', () => {
  it('times what keeps the order of k, picks no slower one than the static choice, and leaves nothing behind', async () => {
    const before = device.memory.liveBuffers;
    const seen: number[] = [];
    const result = await tuneMatmul(
      device,
      { m: 48, n: 64, k: 32, ...PLAIN },
      { rounds: 2, seconds: 3, onProgress: (done, total) => seen.push(done / total) },
    );
    const ids = candidates(48, 64, 32).filter(({ inOrder }) => inOrder);
    expect(result.times.map(({ candidate }) => candidate).sort()).toEqual(ids.map(({ id }) => id).sort());
    expect(result.pick.microseconds).toBeLessThanOrEqual(result.pick.staticMicroseconds);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(device.memory.liveBuffers).toBe(before);
  });

  it('never picks a candidate that the gate refuses', async () => {
    const [good] = candidates(48, 64, 32);
    const { times, pick } = await tuneMatmul(
      device,
      { m: 48, n: 64, k: 32, ...PLAIN },
      { rounds: 1, candidates: [WRONG, good!, UNFIT] },
    );
    expect(times.map(({ candidate }) => candidate)).toEqual([good!.id, 'wrong', 'unfit']);
    expect(times[1]).toMatchObject({ microseconds: Number.NaN, refused: expect.stringMatching(/error/) });
    expect(pick.candidate).toBe(good!.id);
  });
});

describe('a tuning table', () => {
  it('decides for the matmuls of its classes, says what was used, and changes no bit', async () => {
    const [m, n, k] = [40, 64, 48];
    const other = candidates(m, n, k)
      .filter(({ inOrder }) => inOrder)
      .at(-1)!;
    const name = matmulClass(size(m, n, k), { ...PLAIN, epilogue: 'none' });
    const table = new TuningTable(ORIGIN);
    table.set(name, { candidate: other.id, microseconds: 1, staticCandidate: 'x', staticMicroseconds: 2 });
    await scopeAsync(async () => {
      const [a, b] = [toTensor(device, normalArray(1, [m, k])), toTensor(device, normalArray(2, [k, n]))];
      const plain = await read(matmul(a, b));
      useTuning(device, table);
      const tuned = await read(matmul(a, b));
      matmul(Tensor.from(device, [1], [1, 1]), Tensor.from(device, [2], [1, 1]));
      useTuning(device, undefined);
      expect(tuned).toEqual(plain);
    });
    expect(table.used()).toEqual({ [name]: other.id });
  });

  it('holds for a product whatever is added to it, and not for another layout or size', () => {
    const plain = { ...PLAIN, epilogue: 'none' } as const;
    const name = matmulClass(size(64, 256, 1024), plain);
    expect(matmulClass(size(64, 256, 1024), { ...plain, epilogue: 'accumulate' })).toBe(name);
    expect(matmulClass(size(60, 260, 1000), plain)).toBe(name);
    expect(matmulClass(size(64, 256, 1024), { ...plain, transA: true })).not.toBe(name);
    expect(matmulClass(size(128, 256, 1024), plain)).not.toBe(name);
  });

  it('passes over a pick that cannot run a matmul of just this size', async () => {
    const name = matmulClass(size(8, 8, 8), { ...PLAIN, epilogue: 'none' });
    const table = new TuningTable(ORIGIN);
    table.set(name, { candidate: 'no such kernel', microseconds: 1, staticCandidate: 'x', staticMicroseconds: 2 });
    useTuning(device, table);
    await scopeAsync(async () => {
      const a = toTensor(device, normalArray(1, [8, 8]));
      expect(await read(matmul(a, a))).toHaveLength(64);
    });
    useTuning(device, undefined);
  });

  it('survives a file, and refuses one that is damaged', () => {
    const table = new TuningTable(ORIGIN);
    table.set('nn f32', { candidate: 'a', microseconds: 1, staticCandidate: 'b', staticMicroseconds: 2 });
    const text = JSON.stringify(table);
    expect(TuningTable.fromJSON(JSON.parse(text)).entries()).toEqual(table.entries());
    for (const damaged of [
      '{}',
      'null',
      '[]',
      text.replace('"format":1', '"format":9'),
      text.replace('"microseconds":1', '"microseconds":"1"'),
    ]) {
      expect(() => TuningTable.fromJSON(JSON.parse(damaged), 'file')).toThrowError(
        expect.objectContaining({ code: 'corrupt' }),
      );
    }
  });
});
