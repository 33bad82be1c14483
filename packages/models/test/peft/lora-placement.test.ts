import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LoraShape, placeAdapters } from '../../src/nn/lora-placement.ts';
import { parseAdapterConfig } from '../../src/peft/adapter-config.ts';

interface Golden {
  readonly names: readonly string[];
  readonly cases: readonly {
    readonly config: object;
    readonly places: readonly (readonly [number, number, number])[];
  }[];
}

const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'placement-golden.json'), 'utf8')) as Golden;
const linears = new Map(golden.names.map((name) => [name, [8, 8]]));
const shape: LoraShape = { rank: 4, alpha: 8, targets: ['q_proj'] };

describe('placeAdapters', () => {
  it.each(golden.cases)('chooses and scales as PEFT 0.21 does: $config', ({ config, places }) => {
    const parsed = parseAdapterConfig(JSON.stringify(config));
    if (places.length === 0) {
      expect(() => placeAdapters(linears, parsed)).toThrow('targets among q_proj');
      return;
    }
    const found = placeAdapters(linears, parsed);
    expect([...found].map(([name, { rank, scale }]) => [golden.names.indexOf(name), rank, scale])).toEqual(places);
  });

  it('takes all linears but the output matrix for all-linear', () => {
    const places = placeAdapters(linears, { ...shape, targets: 'ALL-linear' });
    expect([...places.keys()]).toEqual(golden.names.filter((name) => name !== 'lm_head'));
  });

  it.each([
    [{ targets: ['qproj'] }, 'targets qproj'],
    [{ targets: [] }, 'targets none'],
    [{ rank: 0 }, 'rank 0'],
    [{ rank: 1.5 }, 'rank 1.5'],
    [{ alpha: Number.NaN }, 'rank 4'],
    [{ targets: '(' }, 'a ) for each ('],
  ] as readonly (readonly [Partial<LoraShape>, string])[])('refuses %j', (change, part) => {
    expect(() => placeAdapters(linears, { ...shape, ...change })).toThrow(part);
  });
});
