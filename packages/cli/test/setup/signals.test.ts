import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

const href = (name: string) => JSON.stringify(new URL(`../../setup/${name}.mjs`, import.meta.url).href);

function start(script: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const said = async (text: string) => {
    while (!output.includes(text)) {
      if (child.exitCode !== null) throw new Error(`the script ended with ${child.exitCode} before it said ${text}`);
      await sleep(5);
    }
  };
  return { child, said, ended, output: () => output };
}

/** A parent that runs a child which counts a signal and ends with a code of its own. */
const FORWARDING = (signal: string) => `
  import { runChild } from ${href('run-child')};
  const inner = "process.on('${signal}', () => { console.log('got ${signal}'); process.exit(7); });" +
    "setInterval(() => {}, 1000); console.log('ready');";
  process.exitCode = await runChild(process.execPath, ['-e', inner]);`;

describe('runChild', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'hands %s on and returns what the child then decides',
    async (signal) => {
      const { child, said, ended, output } = start(FORWARDING(signal));
      await said('ready');
      child.kill(signal);
      expect(await ended).toBe(7);
      expect(output()).toContain(`got ${signal}`);
    },
  );

  it('returns 128 plus the signal that ended the child', async () => {
    const { ended } = start(`
      import { runChild } from ${href('run-child')};
      process.exitCode = await runChild(process.execPath, ['-e', 'process.kill(process.pid, "SIGKILL")']);`);
    expect(await ended).toBe(137);
  });
});

describe('mergeInterrupts', () => {
  it('shows handlers one interrupt for several at once, and a later one again', async () => {
    const { child, said, ended, output } = start(`
      import { mergeInterrupts } from ${href('merge-interrupts')};
      mergeInterrupts(400);
      let count = 0;
      process.on('SIGINT', () => { console.log('interrupt ' + ++count); if (count === 2) process.exit(130); });
      setInterval(() => {}, 1000);
      console.log('ready');`);
    await said('ready');
    child.kill('SIGINT');
    await sleep(30);
    child.kill('SIGINT');
    await said('interrupt 1');
    await sleep(600);
    expect(output()).not.toContain('interrupt 2');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});
