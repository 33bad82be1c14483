// Set-up file of the tests: no test may leave device memory other than it found it.
import { afterEach, beforeEach, expect } from 'vitest';
import { type DeviceLedger, deviceLedger, ledgerChanges } from './device-ledger.ts';

let before: DeviceLedger = deviceLedger();

beforeEach(() => {
  before = deviceLedger();
});

// Registered before the hooks of the test files, hence run after them.
afterEach(({ task }) => {
  // A test that fails does not come to its own tidying up.
  if (task.result?.state === 'fail') return;
  expect(ledgerChanges(before), 'device memory that a test left behind').toEqual([]);
});
