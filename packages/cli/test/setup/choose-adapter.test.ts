import { describe, expect, it } from 'vitest';
import { type Candidate, chooseAdapter, NoAdapterError } from '../../setup/choose-adapter.mjs';
import type { Launch, ProbeResult } from '../../setup/probe-launch.mjs';

const adapter = (name: string, software: boolean): ProbeResult => ({
  ok: true,
  adapter: { name, vendor: 'v', architecture: 'a', description: name, software },
});

function candidate(kind: Candidate['kind'], more: Partial<Candidate> = {}): Candidate {
  return { kind, title: `the ${kind}`, prepare: () => ({ node: kind, env: {} }), ...more };
}

/** Answers by the launch's executable, and notes what was asked. */
function probing(answers: Record<string, ProbeResult>) {
  const asked: string[] = [];
  const probe = async (launch: Launch) => {
    asked.push(launch.node);
    return answers[launch.node] ?? { ok: false as const, reason: `no answer for ${launch.node}` };
  };
  return { asked, probe };
}

describe('chooseAdapter', () => {
  it('takes the first candidate that works and does not touch the later ones', async () => {
    const { asked, probe } = probing({ hardware: adapter('RTX', false) });
    const later = candidate('lavapipe', { prepare: () => expect.unreachable() });
    const choice = await chooseAdapter([candidate('hardware'), later], probe);
    expect(choice).toMatchObject({ kind: 'hardware', name: 'RTX', rejected: [], launch: { node: 'hardware' } });
    expect(asked).toEqual(['hardware']);
  });

  it('says for each candidate before it why that one was not taken', async () => {
    const { probe } = probing({
      hardware: adapter('llvmpipe', true),
      system: { ok: false, reason: 'Dawn finds no adapter' },
      swiftshader: adapter('SwiftShader', true),
    });
    const choice = await chooseAdapter(
      [
        candidate('hardware', { refuse: (found) => (found.software ? `${found.name} is software` : undefined) }),
        candidate('system'),
        candidate('lavapipe', { prepare: () => Promise.reject(new Error('this system has no apt-get')) }),
        candidate('swiftshader'),
      ],
      probe,
    );
    expect(choice.kind).toBe('swiftshader');
    expect(choice.rejected.map(({ kind, reason }) => [kind, reason])).toEqual([
      ['hardware', 'llvmpipe is software'],
      ['system', 'Dawn finds no adapter'],
      ['lavapipe', 'this system has no apt-get'],
    ]);
  });

  it('fails with every reason where none works', async () => {
    const { probe } = probing({});
    const failure = chooseAdapter([candidate('hardware'), candidate('system')], probe);
    await expect(failure).rejects.toBeInstanceOf(NoAdapterError);
    await expect(failure).rejects.toMatchObject({
      rejected: [
        { kind: 'hardware', title: 'the hardware', reason: 'no answer for hardware' },
        { kind: 'system', title: 'the system', reason: 'no answer for system' },
      ],
    });
  });
});
