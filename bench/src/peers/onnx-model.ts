/** Fields of ONNX's protocol buffers, by the numbers of onnx.proto3 (IR version 8). */
const FLOAT = 1;
const INT_ATTRIBUTE = 2;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const number = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, content: readonly number[]): number[] => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content,
];
const text = (field: number, value: string): number[] => bytes(field, [...Buffer.from(value)]);

/** ValueInfoProto of a float32 tensor. */
function valueInfo(name: string, shape: readonly number[]): number[] {
  const dimensions = shape.flatMap((size) => bytes(1, number(1, size)));
  const tensorType = [...number(1, FLOAT), ...bytes(2, dimensions)];
  return [...text(1, name), ...bytes(2, bytes(1, tensorType))];
}

function intAttribute(name: string, value: number): number[] {
  return bytes(5, [...text(1, name), ...number(3, value), ...number(20, INT_ATTRIBUTE)]);
}

/**
 * A model of one product C = op(A) op(B): a MatMul node, or a Gemm node where an operand is transposed,
 * as an exporter would write it. A is [m, k] or [k, m] as stored, B likewise.
 */
export function matmulModel(
  { m, n, k }: { readonly m: number; readonly n: number; readonly k: number },
  transA: boolean,
  transB: boolean,
): Uint8Array<ArrayBuffer> {
  const isGemm = transA || transB;
  const node = [
    ...text(1, 'A'),
    ...text(1, 'B'),
    ...text(2, 'C'),
    ...text(4, isGemm ? 'Gemm' : 'MatMul'),
    ...(isGemm ? [...intAttribute('transA', Number(transA)), ...intAttribute('transB', Number(transB))] : []),
  ];
  const graph = [
    ...bytes(1, node),
    ...text(2, 'product'),
    ...bytes(11, valueInfo('A', transA ? [k, m] : [m, k])),
    ...bytes(11, valueInfo('B', transB ? [n, k] : [k, n])),
    ...bytes(12, valueInfo('C', [m, n])),
  ];
  const operatorSet = number(2, 17);
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, operatorSet)]);
}
