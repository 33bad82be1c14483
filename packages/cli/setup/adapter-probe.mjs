// Child process: asks Dawn for an adapter and a device in the environment it was started in, runs a tiny kernel whose
// answer is known, and prints what it found as one JSON line. An adapter that merely exists proves nothing: Dawn's
// null backend accepts work and does none of it, and some drivers fail only when the device is made.
import { create } from 'webgpu';

const COUNT = 256;
const KERNEL = `
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { result[id.x] = 42u * id.x; }`;
const STORAGE_COPY_SRC = 0x80 | 0x04;
const MAP_READ_COPY_DST = 0x01 | 0x08;
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|software|\bwarp\b|basic render/i;

/** @param {unknown} report */
function finish(report) {
  process.stdout.write(`\n${JSON.stringify(report)}\n`, () => process.exit(0));
}

async function probe() {
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return { ok: false, reason: 'Dawn finds no adapter' };
  const { vendor, architecture, device: deviceName, description, isFallbackAdapter } = adapter.info;
  if (vendor === '' && architecture === '' && description === '') {
    return { ok: false, reason: 'Dawn offers only its null backend, which runs nothing' };
  }
  const name = description || deviceName || `${vendor} ${architecture}`;
  const device = await adapter.requestDevice();
  const bytes = COUNT * 4;
  const result = device.createBuffer({ size: bytes, usage: STORAGE_COPY_SRC });
  const readback = device.createBuffer({ size: bytes, usage: MAP_READ_COPY_DST });
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code: KERNEL }) },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: result } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(COUNT / 64);
  pass.end();
  encoder.copyBufferToBuffer(result, 0, readback, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(0x01);
  const values = new Uint32Array(readback.getMappedRange());
  for (let i = 0; i < COUNT; i++) {
    if (values[i] !== 42 * i) {
      return { ok: false, reason: `${name} computes wrongly: element ${i} of 42*i is ${values[i]}` };
    }
  }
  const software =
    isFallbackAdapter === true || SOFTWARE.test(`${vendor} ${architecture} ${deviceName} ${description}`);
  return { ok: true, adapter: { name, vendor, architecture, description, software } };
}

probe().then(finish, (error) => finish({ ok: false, reason: error instanceof Error ? error.message : String(error) }));
