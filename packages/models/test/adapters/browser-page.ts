// Runs in the page: trains the small model on the browser's WebGPU and posts what came out.
import { Device, selfTest } from '@dawngrad/tensor';
import { trainSmallModel } from './small-training.ts';

// All that the page needs of a browser; its whole library would give every test a DOM.
declare const navigator: { readonly gpu?: GPU };
declare const location: { readonly search: string };

async function run(): Promise<Record<string, unknown>> {
  if (navigator.gpu === undefined) return { error: 'the browser has no WebGPU' };
  const device = await Device.open(navigator.gpu);
  const checks = await selfTest(device);
  const losses = await trainSmallModel(device, Number(new URLSearchParams(location.search).get('steps')));
  const { vendor, architecture, description } = device.adapter;
  const left = device.memory.liveBuffers;
  device.close();
  return { adapter: `${vendor} ${architecture} ${description}`.trim(), checks, losses, left };
}

run()
  .catch((error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
  .then((result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) }));
