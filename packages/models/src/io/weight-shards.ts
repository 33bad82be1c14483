import { ToolError } from '@dawngrad/tensor';
import type { DirectorySink } from './byte-source.ts';
import { safetensorsSize, writeSafetensors } from './safetensors-writer.ts';
import { sourceBytes, type TensorSource } from './tensor-source.ts';
import { SHARD_INDEX, SINGLE_FILE } from './weight-index.ts';

/** What transformers writes, so that its loader knows the layout of the tensors. */
const WEIGHTS_METADATA = { format: 'pt' };

/** The size of shards that transformers 4 makes ("5GB"). */
const DEFAULT_SHARD_BYTES = 5_000_000_000;

interface Shard {
  readonly file: string;
  readonly tensors: readonly TensorSource[];
}

/**
 * Writes the weights of a model: `model.safetensors` where they fit into `maxShardBytes`, else shards of at most that
 * many bytes of tensors (a tensor that is larger has one for itself) and their index, as transformers names them.
 */
export async function writeWeights(
  directory: DirectorySink,
  tensors: readonly TensorSource[],
  maxShardBytes: number = DEFAULT_SHARD_BYTES,
): Promise<void> {
  const shards = planShards(tensors, maxShardBytes);
  for (const { file, tensors: own } of shards) {
    await directory.writeFile(file, (sink) => writeSafetensors(sink, own, WEIGHTS_METADATA));
  }
  if (shards.length === 1) return;
  const index = new TextEncoder().encode(shardIndex(shards));
  await directory.writeFile(SHARD_INDEX, (sink) => sink.write(index));
}

/** Bytes that `writeWeights` needs, to a few hundred for each tensor. */
export function weightsSize(tensors: readonly TensorSource[]): number {
  return safetensorsSize(tensors, WEIGHTS_METADATA) + 256 * tensors.length;
}

function planShards(tensors: readonly TensorSource[], maxShardBytes: number): Shard[] {
  if (!(maxShardBytes > 0)) {
    throw new ToolError('usage', {
      op: 'writeWeights',
      expected: 'shards of at least a byte',
      got: `${maxShardBytes}`,
    });
  }
  const groups: TensorSource[][] = [[]];
  let filled = 0;
  for (const tensor of [...tensors].sort((a, b) => compareNames(a.name, b.name))) {
    const bytes = sourceBytes(tensor);
    if (filled > 0 && filled + bytes > maxShardBytes) {
      groups.push([]);
      filled = 0;
    }
    groups.at(-1)!.push(tensor);
    filled += bytes;
  }
  const numbered = (n: number): string => String(n).padStart(5, '0');
  return groups.map((group, i) => ({
    file: groups.length === 1 ? SINGLE_FILE : `model-${numbered(i + 1)}-of-${numbered(groups.length)}.safetensors`,
    tensors: group,
  }));
}

/** Joined as text, like the headers: an object would drop a tensor that is called __proto__. */
function shardIndex(shards: readonly Shard[]): string {
  const total = shards.reduce(
    (sum, { tensors }) => sum + tensors.reduce((bytes, item) => bytes + sourceBytes(item), 0),
    0,
  );
  const lines = shards
    .flatMap(({ file, tensors }) => tensors.map(({ name }) => ({ name, file })))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, file }) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
  return `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}\n`;
}

/** Layer 2 before layer 10, so that the layers of a model lie side by side in its shards. */
function compareNames(a: string, b: string): number {
  const [left, right] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!];
    if (x === y) continue;
    const byNumber = i % 2 === 1 ? x.length - y.length : 0;
    return byNumber !== 0 ? byNumber : x < y ? -1 : 1;
  }
  return left.length - right.length;
}
