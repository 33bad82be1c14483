import { resolve } from 'node:path';
import type { LoadedPlugin } from './load-plugin.ts';

/** The plugins of a command line and of its configurations, each loaded once; disposing takes their names back. */
export class Plugins {
  /** Those of `--plugin`, for every configuration of the command. */
  readonly named: readonly string[];
  readonly #loaded = new Map<string, LoadedPlugin>();

  constructor(named: readonly string[] = []) {
    this.named = [...new Set(named)];
  }

  /** The given files and the named ones, all loaded. Throws ToolError 'config' with the file that is wrong. */
  async load(paths: readonly string[] = []): Promise<string[]> {
    const all = [...new Set([...paths, ...this.named])];
    for (const path of all) {
      if (this.#loaded.has(resolve(path))) continue;
      // Not before there is one: loading needs all of the packages.
      const { loadPlugin } = await import('./load-plugin.ts');
      this.#loaded.set(resolve(path), await loadPlugin(path));
    }
    return all;
  }

  /** SHA-256 of the files that are loaded, in an order that their names do not change. */
  get hashes(): string[] {
    return [...this.#loaded.values()].map(({ hash }) => hash).sort();
  }

  [Symbol.dispose](): void {
    for (const plugin of this.#loaded.values()) plugin[Symbol.dispose]();
    this.#loaded.clear();
  }
}
