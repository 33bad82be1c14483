import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Storage } from '../../src/gpu/buffer-pool.ts';
import type { Kernel } from '../../src/gpu/kernel.ts';
import type { RecordedLaunch } from '../../src/gpu/launch-recorder.ts';
import { assignArenas } from '../../src/plan/assign-arenas.ts';

/** A launch that reads some buffers and writes one. */
function launch(reads: readonly Storage[], writes: Storage): RecordedLaunch {
  const bindings = [...reads, writes].map((storage) => ({ storage, offset: 0, size: storage.bytes }));
  const kernel: Kernel = {
    key: `test/${reads.length}`,
    label: 'test',
    bindings: bindings.map((_, i) => ({
      name: `b${i}`,
      access: i < reads.length ? 'read' : 'read_write',
      element: 'f32',
    })),
    params: [],
    body: () => '',
  };
  return { kernel, bindings, params: [], workgroups: [1, 1, 1], info: undefined };
}

/** A straight program: each launch reads up to three earlier results and writes a new one. */
const programs = fc
  .array(fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), reads: fc.array(fc.nat(), { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((steps) => {
    const made: Storage[] = [];
    return steps.map(({ bytes, reads }, i) => {
      const sources = i === 0 ? [] : [...new Set(reads.map((read) => made[read % i]!))];
      const storage = new Storage(i + 1, undefined, Math.ceil(bytes / 4) * 4, `t${i}`);
      made.push(storage);
      return launch(sources, storage);
    });
  });

it('gives temporaries that live at the same time bytes of their own, and keeps what a launch reads and writes apart', () => {
  fc.assert(
    fc.property(programs, (launches) => {
      const { places, sizes } = assignArenas(launches, () => true, 1 << 30);
      const lives = new Map<Storage, [number, number]>();
      launches.forEach(({ bindings }, i) => {
        for (const { storage } of bindings) lives.set(storage, [lives.get(storage)?.[0] ?? i, i]);
      });
      for (const [a, placeA] of places) {
        expect(placeA.offset % 256).toBe(0);
        expect(placeA.offset + a.bytes).toBeLessThanOrEqual(sizes[placeA.arena]!);
        for (const [b, placeB] of places) {
          const [lifeA, lifeB] = [lives.get(a)!, lives.get(b)!];
          if (a === b || placeA.arena !== placeB.arena || lifeA[0] > lifeB[1] || lifeB[0] > lifeA[1]) continue;
          expect(placeA.offset + a.bytes <= placeB.offset || placeB.offset + b.bytes <= placeA.offset).toBe(true);
        }
      }
      for (const { bindings } of launches) {
        const written = places.get(bindings.at(-1)!.storage)!;
        for (const { storage } of bindings.slice(0, -1)) expect(places.get(storage)!.arena).not.toBe(written.arena);
      }
    }),
    { numRuns: 200 },
  );
});

it('lets a chain of any length live in the bytes of two of its results', () => {
  const made = Array.from({ length: 20 }, (_, i) => new Storage(i + 1, undefined, 1024, `t${i}`));
  const launches = made.map((storage, i) => launch(i === 0 ? [] : [made[i - 1]!], storage));
  expect(assignArenas(launches, () => true, 1 << 20).sizes).toEqual([1024, 1024]);
});

it('opens another arena rather than one larger than a binding may be', () => {
  const made = Array.from({ length: 3 }, (_, i) => new Storage(i + 1, undefined, 1024, `t${i}`));
  const launches = [...made.map((storage) => launch([], storage)), launch(made, new Storage(9, undefined, 4, 'end'))];
  for (const size of assignArenas(launches, () => true, 2048).sizes) expect(size).toBeLessThanOrEqual(2048);
});
