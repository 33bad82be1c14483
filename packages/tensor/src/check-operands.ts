import { ToolError } from './errors.ts';
import { formatShape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/**
 * Refuses operands that `op` cannot use together: disposed ones, and tensors of several devices, whose buffers
 * no launch can bind. Throws ToolError 'device'.
 */
export function checkOperands(op: string, operands: readonly Tensor[]): void {
  const first = operands[0];
  for (const [i, operand] of operands.entries()) {
    operand.assertLive(op);
    if (operand.device === first!.device) continue;
    const describe = (tensor: Tensor, at: number): string =>
      `input ${at} ${formatShape(tensor.shape)} on ${adapterName(tensor)}`;
    throw new ToolError('device', {
      op,
      expected: 'tensors of one device',
      got: `${describe(first!, 0)} and ${describe(operand, i)}, opened apart`,
      hint: 'open one device and make all tensors on it, or read a tensor and upload it to the other device.',
    });
  }
}

function adapterName({ device }: Tensor): string {
  const { vendor, device: name, description } = device.adapter;
  return description || name || vendor || 'an adapter without a name';
}
