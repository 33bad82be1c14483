import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../src/gpu/device.ts';
import { openDevice } from '../src/node.ts';
import { scope } from '../src/scope.ts';
import { Tensor } from '../src/tensor.ts';
import { deviceLedger, ledgerChanges } from './device-ledger.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('the ledger of devices, which every test is held to', () => {
  it('tells of a tensor that is left behind and of one that is taken away', () => {
    const clean = deviceLedger();
    const left = Tensor.from(device, [1, 2, 3], [3], 'f32', 'test/left');
    expect(ledgerChanges(clean)).toEqual(['test/left: 1 buffers, 256 bytes, before nothing']);
    const one = deviceLedger();
    left.dispose();
    expect(ledgerChanges(one)).toEqual(['test/left: nothing, before 1 buffers, 256 bytes']);
    expect(ledgerChanges(clean)).toEqual([]);
  });

  it('tells of nothing where a scope frees what was made', () => {
    const clean = deviceLedger();
    scope(() => {
      Tensor.from(device, [1, 2, 3], [3]);
    });
    expect(ledgerChanges(clean)).toEqual([]);
  });

  it('tells nothing of devices that are closed', async () => {
    const other = await openDevice();
    const clean = deviceLedger();
    Tensor.from(other, [1], [1]);
    expect(ledgerChanges(clean)).toHaveLength(1);
    other.close();
    expect(ledgerChanges(clean)).toEqual([]);
  });
});
