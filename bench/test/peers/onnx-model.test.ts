import { expect, test } from 'vitest';
import { matmulModel } from '../../src/peers/onnx-model.ts';

/** Fields of one protocol-buffer message: numbers, or bytes to read again. */
function fields(message: Uint8Array): { field: number; value: number | Uint8Array }[] {
  const found: { field: number; value: number | Uint8Array }[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    if ((key & 7) === 0) found.push({ field: key >> 3, value: varint() });
    else {
      const length = varint();
      found.push({ field: key >> 3, value: message.subarray(at, at + length) });
      at += length;
    }
  }
  return found;
}

const messages = (message: Uint8Array, field: number): Uint8Array[] =>
  fields(message).flatMap((entry) => (entry.field === field && typeof entry.value !== 'number' ? [entry.value] : []));
const numbers = (message: Uint8Array, field: number): number[] =>
  fields(message).flatMap((entry) => (entry.field === field && typeof entry.value === 'number' ? [entry.value] : []));
const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

function describeModel(model: Uint8Array) {
  const graph = messages(model, 7)[0]!;
  const node = messages(graph, 1)[0]!;
  const dimensions = (info: Uint8Array): number[] => {
    const shape = messages(messages(messages(info, 2)[0]!, 1)[0]!, 2)[0]!;
    return messages(shape, 1).flatMap((dimension) => numbers(dimension, 1));
  };
  return {
    op: textOf(messages(node, 4)[0]),
    attributes: Object.fromEntries(
      messages(node, 5).map((attribute) => [textOf(messages(attribute, 1)[0]), numbers(attribute, 3)[0]]),
    ),
    inputs: messages(graph, 11).map(dimensions),
    outputs: messages(graph, 12).map(dimensions),
  };
}

const sizes = { m: 1000, n: 513, k: 37 };

test('a plain product is a MatMul of stored shapes', () => {
  expect(describeModel(matmulModel(sizes, false, false))).toEqual({
    op: 'MatMul',
    attributes: {},
    inputs: [
      [1000, 37],
      [37, 513],
    ],
    outputs: [[1000, 513]],
  });
});

test('a transposed operand makes it a Gemm with the shapes as stored', () => {
  expect(describeModel(matmulModel(sizes, true, false))).toEqual({
    op: 'Gemm',
    attributes: { transA: 1, transB: 0 },
    inputs: [
      [37, 1000],
      [37, 513],
    ],
    outputs: [[1000, 513]],
  });
});
