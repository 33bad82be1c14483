/** @typedef {import('./choose-adapter.mjs').Rejection} Rejection */

const COMMANDS = {
  Debian:
    'sudo apt-get install mesa-vulkan-drivers libvulkan1     (Mesa 24 or newer; on Debian 12: -t bookworm-backports)',
  Ubuntu: 'sudo apt-get install mesa-vulkan-drivers libvulkan1     (22.04 or newer)',
  Fedora: 'sudo dnf install mesa-vulkan-drivers vulkan-loader',
  macOS: 'nothing: Metal is part of macOS 12 and newer; run in a session of a Mac with a GPU, not in a container',
};

/**
 * What to tell a user for whom no candidate worked.
 *
 * @param {readonly Rejection[]} rejected
 * @param {string} [forced] the value of DAWNGRAD_GPU
 * @returns {string}
 */
export function noAdapterMessage(rejected, forced) {
  return [
    forced
      ? `DAWNGRAD_GPU=${forced} cannot be had (unset it to take the first adapter that works):`
      : 'No GPU and no software driver that Dawn can use was found:',
    ...rejected.map(({ title, reason }) => `  ${title}: ${reason}`),
    'Install a Vulkan driver (for a real GPU its own; Mesa has a software one as well) and start again:',
    ...Object.entries(COMMANDS).map(([system, command]) => `  ${`${system}:`.padEnd(8)}${command}`),
  ].join('\n');
}
