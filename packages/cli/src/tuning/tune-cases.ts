import { ToolError, type TuneCase } from '@dawngrad/tensor';

const SHAPE = /^(\d+)x(\d+)x(\d+)(?::([nt]{2}))?$/;

/** `512x512x64:nt`: M x N x K, and which of the operands is stored transposed (default nn). Throws 'usage'. */
export function parseTuneCase(text: string): TuneCase {
  const match = SHAPE.exec(text);
  const [m, n, k] = (match?.slice(1, 4) ?? []).map(Number);
  if (match === null || !m || !n || !k || Math.max(m, n, k) > 65_536) {
    throw new ToolError('usage', {
      op: '--shape',
      expected: 'M x N x K from 1 to 65536 and a layout, such as 512x512x64:nt',
      got: text,
    });
  }
  const [a, b] = match[4] ?? 'nn';
  return { m, n, k, transA: a === 't', transB: b === 't' };
}

/** `512x512x64:nt` of a case. */
export function describeTuneCase({ m, n, k, transA, transB }: TuneCase): string {
  return `${m}x${n}x${k}:${transA ? 't' : 'n'}${transB ? 't' : 'n'}`;
}

/** Squares, odd sizes, and the products of a linear layer: forward, gradient by the input, by the weight. */
export const TUNE_SHAPES = [
  '256x256x256:nn',
  '512x512x512:nn',
  '1024x1024x1024:nn',
  '509x509x509:nn',
  '1000x37x513:nn',
  '4096x64x64:nt',
  '1024x256x64:nt',
  '1024x64x256:nn',
  '64x256x1024:tn',
  '2048x512x512:nt',
  '2048x512x512:nn',
  '512x512x2048:tn',
  '1x1024x1024:nt',
  '16x1024x1024:nt',
] as const;

/** The first of `TUNE_SHAPES`, for a look. */
export const QUICK_SHAPES = 2;
