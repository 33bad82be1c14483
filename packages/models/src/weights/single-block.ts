import { type QuantizedMatrix, type Tensor, ToolError } from '@dawngrad/tensor';
import type { MatrixBlocks } from './base-weights.ts';

/** The only block of a matrix. Throws ToolError 'limit' for one that is larger than a storage binding. */
export function singleBlock(blocks: MatrixBlocks): Tensor | QuantizedMatrix {
  if (blocks.length === 1) return blocks[0]!;
  throw new ToolError('limit', {
    op: 'model',
    expected: 'matrices within one binding',
    got: `${blocks.length} row blocks`,
  });
}
