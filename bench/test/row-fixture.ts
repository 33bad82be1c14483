import type { Row } from '../src/row.ts';

/** A complete row, with some of its values replaced. */
export function rowFixture(values: Partial<Row>): Row {
  return {
    suite: 'kernels',
    name: 'a case',
    params: {},
    library: 'dawngrad',
    median_ms: 10,
    min_ms: 8,
    p95_ms: 12,
    gflops: null,
    gbps: null,
    ceiling_share: null,
    dispatches: 1,
    submits: 1,
    new_buffers: 0,
    peak_bytes: 3e6,
    adapter: 'vendor · model',
    driver: 'a driver 1.2',
    commit: 'abcdef0',
    details: {},
    ...values,
  };
}
