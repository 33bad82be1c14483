import {
  accumulateInto,
  add,
  applyOp,
  type Device,
  fill,
  matmul,
  read,
  readAll,
  readScalar,
  scope,
  Tensor,
  ToolError,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { opTable } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
let other: Device;
beforeAll(async () => {
  device = await openDevice();
  other = await openDevice();
});
afterAll(() => {
  device.close();
  other.close();
});

/** The error that `body` throws. */
function refusal(body: () => unknown): ToolError {
  try {
    scope(body);
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

async function rejection(work: Promise<unknown>): Promise<ToolError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ToolError);
  return error as ToolError;
}

describe('a refused op', () => {
  const cases = opTable.flatMap((def) =>
    def.errors().map((error) => [`${def.name}: ${error.name}`, def, error] as const),
  );

  it.each(cases)('names itself and the shape of every input: %s', (_, def, { inputs, attrs, code }) => {
    const error = refusal(() =>
      applyOp(
        def,
        inputs.map(({ shape, dtype }) => Tensor.empty(device, shape, dtype, 'test/input')),
        attrs,
      ),
    );
    expect(error.code).toBe(code);
    expect(error.detail.op).toBe(def.name);
    for (const { shape } of inputs) expect(error.message).toContain(`[${shape.join(',')}]`);
    expect(error.message.startsWith(`${def.name}: expected ${error.detail.expected}, got ${error.detail.got}`)).toBe(
      true,
    );
    expect(device.state).toBe('ready');
  });

  it('says what to do about shapes', () => {
    const error = refusal(() => matmul(Tensor.from(device, [1, 2], [1, 2]), Tensor.from(device, [1, 2, 3], [3, 1])));
    expect(error).toMatchObject({
      code: 'shape',
      detail: {
        op: 'matmul',
        expected: 'a [..., M, K] and b [..., K, N]',
        got: 'inner sizes 2 and 3 (a [1,2], b [3,1])',
        hint: 'transpose an operand (transA, transB) or check the widths.',
      },
    });
  });

  it('says what to do about element types', () => {
    const error = refusal(() =>
      matmul(Tensor.from(device, [1, 2], [1, 2], 'i32'), Tensor.from(device, [1, 2], [2, 1])),
    );
    expect(error).toMatchObject({
      code: 'shape',
      detail: {
        op: 'matmul',
        expected: 'f32 or f16 or bf16 as input 0',
        got: 'i32 (inputs i32 [1,2], f32 [2,1])',
        hint: "cast it first: cast(x, 'f32').",
      },
    });
  });
});

describe('tensors of two devices', () => {
  const inBoth = (body: (a: Tensor, b: Tensor) => unknown): ToolError =>
    refusal(() => body(Tensor.from(device, [1, 2], [2]), Tensor.from(other, [3], [1])));

  it('are refused by an op, with both adapters', () => {
    const error = inBoth((a, b) => add(a, b));
    const { description } = device.adapter;
    expect(error).toMatchObject({
      code: 'device',
      detail: {
        op: 'add',
        expected: 'tensors of one device',
        got: `input 0 [2] on ${description} and input 1 [1] on ${other.adapter.description}, opened apart`,
        hint: expect.stringContaining('one device'),
      },
    });
    expect(description).not.toBe('');
    expect([device.state, other.state]).toEqual(['ready', 'ready']);
  });

  it('are refused in place', () => {
    expect(inBoth((a, b) => accumulateInto(a, b))).toMatchObject({ code: 'device', detail: { op: 'accumulateInto' } });
  });

  it('are not read together', async () => {
    const [a, b] = [Tensor.from(device, [1], [1]), Tensor.from(other, [2], [1])];
    expect(await rejection(readAll([a, b]))).toMatchObject({ code: 'device', detail: { op: 'read' } });
    expect([await readScalar(a), await readScalar(b)]).toEqual([1, 2]);
    a.dispose();
    b.dispose();
  });
});

describe('a disposed tensor', () => {
  const disposed = (): Tensor => {
    const tensor = Tensor.from(device, [1, 2, 3], [3]);
    tensor.dispose();
    return tensor;
  };
  const detail = (op: string): object => ({
    op,
    expected: 'a live tensor',
    got: 'one of shape [3] that was disposed',
    hint: 'return it from its scope, or keep it with `keep`.',
  });

  it.each([
    ['add', (x: Tensor) => add(x, x)],
    ['matmul', (x: Tensor) => matmul(x, x)],
    ['fill', (x: Tensor) => fill(x, 1)],
    ['accumulateInto', (x: Tensor) => accumulateInto(x, x)],
  ])('is refused by %s', (op, body) => {
    const x = disposed();
    expect(refusal(() => body(x))).toMatchObject({ code: 'device', detail: detail(op) });
  });

  it('is not read', async () => {
    expect(await rejection(read(disposed()))).toMatchObject({ code: 'device', detail: detail('read') });
  });
});

describe('a value of a lost device', () => {
  it('is not read, and nothing is computed with it', async () => {
    const lost = await openDevice();
    const x = Tensor.from(lost, [1, 2], [2]);
    const waiting = read(x);
    lost.close();
    for (const error of [await rejection(waiting), await rejection(read(x)), refusal(() => add(x, x))]) {
      expect(error).toMatchObject({
        code: 'lost',
        detail: {
          op: 'device',
          expected: 'a working device',
          got: 'a closed device',
          hint: 'start again; a run continues from its last checkpoint with --resume.',
        },
      });
    }
  });
});

describe('sizes over the limits', () => {
  it('are refused where a tensor would not fit a binding', async () => {
    const limit = device.limits.maxStorageBufferBindingSize;
    const error = refusal(() => Tensor.empty(device, [limit / 4 + 1], 'f32', 'test/huge'));
    expect(error).toMatchObject({
      code: 'limit',
      detail: {
        op: 'test/huge',
        expected: `at most ${limit} bytes in one binding (this adapter's limit)`,
        got: `${limit + 4} bytes`,
        hint: expect.stringContaining('micro-batch'),
      },
    });
  });

  it('are refused where a result would not', () => {
    const rows = 2 ** Math.ceil(Math.log2(Math.sqrt(device.limits.maxStorageBufferBindingSize / 4)) + 0.5);
    const error = refusal(() =>
      add(Tensor.empty(device, [rows, 1], 'f32', 'test/a'), Tensor.empty(device, [1, rows], 'f32', 'test/b')),
    );
    expect(error).toMatchObject({ code: 'limit', detail: { got: `${rows * rows * 4} bytes` } });
    expect(device.state).toBe('ready');
  });
});

describe('readScalar', () => {
  it('reads one element and refuses more', async () => {
    const x = Tensor.from(device, [1, 2], [2]);
    expect(await rejection(readScalar(x))).toMatchObject({
      code: 'shape',
      detail: { op: 'readScalar', expected: 'a tensor of one element', got: '[2]' },
    });
    x.dispose();
  });
});
