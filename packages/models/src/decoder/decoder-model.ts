import { checkpoint, Parameters } from '@dawngrad/autograd';
import {
  add,
  addLowRank,
  cast,
  concat,
  type Device,
  embedding,
  type HeadNorms,
  isObserved,
  keep,
  type LinearOptions,
  linear,
  type PackedAttentionAttrs,
  packedAttention,
  packedSwiglu,
  Rng,
  reshape,
  rmsNorm,
  ropeTable,
  type Shape,
  sizeOf,
  Tensor,
  type TokenGroups,
  ToolError,
  zeros,
} from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';
import type { TensorSource } from '../io/tensor-source.ts';
import type { WeightIndex } from '../io/weight-index.ts';
import { LoraAdapters, type LoraOptions } from '../nn/lora.ts';
import type { PackedBatch } from '../nn/packed-batch.ts';
import type { OpenAdapter } from '../peft/open-adapter.ts';
import type { BaseWeights, MatrixBlocks } from '../weights/base-weights.ts';
import { FrozenWeights, keptFormat } from '../weights/frozen-weights.ts';
import { type LoadProgress, loadFrozenWeights, loadParameters, type WantedFormat } from '../weights/load-weights.ts';
import { ParameterWeights } from '../weights/parameter-weights.ts';
import { checkWeights } from './check-weights.ts';
import { ropeAmplitude, ropeFrequencies } from './rope-frequencies.ts';
import {
  EMBEDDING,
  FINAL_NORM,
  GATE_AND_UP,
  HEADS,
  hasBias,
  layerName,
  OUTPUT,
  weightSpecs,
  weightStacks,
} from './weight-specs.ts';

export interface DecoderOptions {
  /** False freezes the base: it has no gradients, and only adapters or a head can train. */
  readonly trainable: boolean;
  /** Longest sequence; decides the size of the rotary table. Default: the configuration's. */
  readonly maxPositions?: number;
}

/** How the weights of a checkpoint are kept on the device. */
export interface LoadOptions extends DecoderOptions {
  /** Format of the matrices of a frozen base; weights that are trained are f32. Default f32. */
  readonly format?: WantedFormat;
  readonly onProgress?: LoadProgress;
}

/**
 * How a block attends: over the whole packed batch in training, over the cache in decoding. qkv [N, H + 2K, E]
 * holds query, key and value heads before the rotary embedding and may be overwritten: [N, H, E].
 */
export type Attend = (qkv: Tensor, layer: number) => Tensor;

/** How the heads of one layer attend. */
export interface LayerAttention {
  readonly attrs: PackedAttentionAttrs;
  readonly norms: HeadNorms | undefined;
}

const INIT_STREAM = 0x1417;

/**
 * A decoder of pre-norm blocks of rotary grouped-query attention and SwiGLU: Llama, Qwen2 and Qwen3, which differ in
 * biases, head norms and windows. Parameter names are those of the Hugging Face state dict, so loading and saving
 * rename nothing.
 */
export class DecoderModel {
  readonly device: Device;
  readonly config: DecoderConfig;
  readonly weights: BaseWeights;
  readonly maxPositions: number;
  /** LoRA adapters; set by `attachAdapters`, or by `load` to those of a checkpoint. */
  adapters: LoraAdapters | undefined;
  /**
   * Keep only the input of each block for the gradient and compute the rest again: one more forward pass, and the
   * activations of one block instead of all (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
   */
  recomputesBlocks = false;
  /** Cosines and sines of all positions, [P, E]. */
  readonly ropeTable: Tensor;

  private constructor(device: Device, config: DecoderConfig, weights: BaseWeights, maxPositions: number) {
    this.device = device;
    this.config = config;
    this.weights = weights;
    this.maxPositions = maxPositions;
    const amplitude = ropeAmplitude(config);
    const angles = ropeTable(maxPositions, ropeFrequencies(config));
    const table = amplitude === 1 ? angles : angles.map((value) => value * amplitude);
    this.ropeTable = keep(Tensor.from(device, table, [maxPositions, config.headDim], 'f32', 'models/decoder/rope'));
  }

  /** A model in f32 with all weights zero; `initialise` or `copyWeightsFrom` fill it. */
  static create(device: Device, config: DecoderConfig, options: DecoderOptions): DecoderModel {
    return new DecoderModel(
      device,
      config,
      createParameters(device, config, options.trainable),
      options.maxPositions ?? config.maxPositionEmbeddings,
    );
  }

  /**
   * A model with the weights of a checkpoint, and its adapter if it has one. Every weight must be there with its
   * shape, and no other.
   */
  static async load(
    device: Device,
    source: {
      readonly config: DecoderConfig;
      readonly weights: WeightIndex;
      readonly adapter?: OpenAdapter | undefined;
    },
    options: LoadOptions,
  ): Promise<DecoderModel> {
    const { config, weights: index, adapter } = source;
    const specs = weightSpecs(config);
    checkWeights(config, index);
    const { format = 'f32', onProgress, trainable } = options;
    if (trainable && format !== 'f32' && format !== 'stored') {
      throw new ToolError('config', {
        op: 'model',
        expected: 'weights in f32 where they are trained',
        got: format,
        hint: 'train adapters (policy.lora.rank) on a frozen base, or keep the weights in f32.',
      });
    }
    if (trainable && adapter !== undefined) throw adapterToTrain();
    let weights: BaseWeights;
    if (trainable) {
      const trained = createParameters(device, config, true);
      weights = trained;
      try {
        await loadParameters(trained.parameters, specs, index, onProgress);
      } catch (error) {
        weights.dispose();
        throw error;
      }
    } else weights = await loadFrozenWeights(device, specs, weightStacks(config), index, format, onProgress);
    const model = new DecoderModel(device, config, weights, options.maxPositions ?? config.maxPositionEmbeddings);
    try {
      if (adapter !== undefined && adapter.factors.size > 0) {
        model.adapters = await LoraAdapters.load(device, model.linears(), adapter);
      }
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /**
   * A model with the memory that `load` would take for a checkpoint stored in `stored`, and fresh adapters where asked
   * for: what it would compute is undefined, what it would take is not. For plans on a device that only counts.
   */
  static blank(
    device: Device,
    config: DecoderConfig,
    options: Omit<LoadOptions, 'onProgress'> & {
      readonly stored: 'f32' | 'f16' | 'bf16';
      readonly adapters?: LoraOptions | undefined;
    },
  ): DecoderModel {
    const { format = 'f32', stored, adapters, trainable, maxPositions = config.maxPositionEmbeddings } = options;
    const wanted = format === 'stored' ? stored : format;
    const weights = trainable
      ? createParameters(device, config, true)
      : new FrozenWeights(device, weightSpecs(config), weightStacks(config), (spec) =>
          keptFormat(spec, wanted, stored),
        );
    const model = new DecoderModel(device, config, weights, maxPositions);
    if (adapters !== undefined) {
      model.adapters = new LoraAdapters(device, model.linears(), adapters, { isInitialised: false });
    }
    return model;
  }

  /** Another model on the same frozen weights, with adapters of its own. */
  shareWeights(): DecoderModel {
    if (this.weights.parameters?.isTrainable === true) {
      throw new ToolError('failed', {
        op: 'shareWeights',
        expected: 'a model whose base is frozen',
        got: 'one whose base is trained',
      });
    }
    this.weights.retain();
    return new DecoderModel(this.device, this.config, this.weights, this.maxPositions);
  }

  /** The weights as f32 parameters. Throws ToolError 'failed' where the base is frozen for good. */
  get base(): Parameters {
    const { parameters } = this.weights;
    if (parameters !== undefined) return parameters;
    throw new ToolError('failed', {
      op: 'model',
      expected: 'weights in f32 parameters',
      got: 'weights that were loaded frozen',
      hint: 'load the model with `trainable: true`, or read single weights with `weights.read`.',
    });
  }

  /**
   * Random weights, a pure function of the seed. Matrices are normal with variance 1 / (3 in), that of
   * PyTorch's linear layers (about 0.02 at a width of 768, but 0.07 at 64, where 0.02 learned at about half
   * the speed); those that write into the residual stream are scaled down by sqrt(2 layers) (Radford et
   * al., 2019). Embeddings are normal with deviation 0.2, or as a matrix where they serve as one too.
   */
  initialise(seed: number): void {
    const rng = new Rng(seed, INIT_STREAM);
    weightSpecs(this.config).forEach(({ name, shape }, index) => {
      const size = sizeOf(shape);
      if (shape.length === 1) {
        this.base.set(name, new Float32Array(size).fill(name.endsWith('.bias') ? 0 : 1));
        return;
      }
      const residual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
      const matrix = Math.sqrt(1 / (3 * shape[1]!)) / (residual ? Math.sqrt(2 * this.config.numHiddenLayers) : 1);
      const deviation = name === EMBEDDING && !this.config.tieWordEmbeddings ? 0.2 : matrix;
      this.base.set(
        name,
        Float32Array.from({ length: size }, (_, i) => rng.normal(index, i) * deviation),
      );
    });
  }

  /** Freezes nothing by itself: create the model with `trainable: false` to train adapters only. */
  attachAdapters(options: LoraOptions): LoraAdapters {
    if (this.adapters !== undefined) throw adapterToTrain();
    this.adapters = new LoraAdapters(this.device, this.linears(), options);
    return this.adapters;
  }

  /** What an optimizer should update: the adapters if there are any, else the base. */
  trainableParameters(): Parameters {
    return this.adapters?.parameters ?? this.base;
  }

  /** Names (without `.weight`) and shapes of the linears inside the blocks. */
  linears(): Map<string, Shape> {
    const linears = weightSpecs(this.config).filter(({ isLinear }) => isLinear);
    return new Map(linears.map(({ name, shape }) => [name.slice(0, -'.weight'.length), shape]));
  }

  /** Embeddings [N, D] of ids u32 [N]; `groups` speeds up the gradient. */
  embed(ids: Tensor, groups?: TokenGroups): Tensor {
    const rows = embedding(floatBlocks(this.weights.matrix(EMBEDDING)), ids, groups === undefined ? {} : { groups });
    return cast(rows, 'f32');
  }

  /** One decoder block. x [N, D]. */
  block(layer: number, x: Tensor, attend: Attend, adapters: boolean): Tensor {
    const { numAttentionHeads: h, numKeyValueHeads: k, headDim: e, rmsNormEps: eps } = this.config;
    const rows = x.shape[0]!;
    const norm = (part: string): Tensor => this.weights.vector(`${layerName(layer, part)}.weight`);
    const normed = rmsNorm(x, norm('input_layernorm'), eps);
    const heads = this.#linears(layer, HEADS, normed, adapters);
    const mixed = reshape(attend(reshape(heads, [rows, h + 2 * k, e]), layer), [rows, h * e]);
    const middle = this.#linear(layer, 'self_attn.o_proj', mixed, adapters, x);
    const inner = rmsNorm(middle, norm('post_attention_layernorm'), eps);
    const gated = packedSwiglu(this.#linears(layer, GATE_AND_UP, inner, adapters));
    return this.#linear(layer, 'mlp.down_proj', gated, adapters, middle);
  }

  finalNorm(x: Tensor): Tensor {
    return rmsNorm(x, this.weights.vector(FINAL_NORM), this.config.rmsNormEps);
  }

  /** The matrix from hidden states to logits, [V, D]: the embedding itself where they are tied. */
  outputWeight(): MatrixBlocks {
    return this.weights.matrix(this.config.tieWordEmbeddings ? EMBEDDING : OUTPUT);
  }

  /** Logits [N, V] of hidden states [N, D]. For training and scoring use `tokenLogProbs`, which makes none. */
  logits(hidden: Tensor): Tensor {
    return linear(hidden, this.outputWeight());
  }

  /** Hidden states after the final norm, [N, D]. */
  hidden(batch: PackedBatch, options: { readonly adapters?: boolean } = {}): Tensor {
    const longest = Math.max(0, ...batch.lengths);
    if (longest > this.maxPositions) {
      throw new ToolError('config', {
        op: 'model',
        expected: `sequences of at most ${this.maxPositions} tokens`,
        got: `one of ${longest}`,
        hint: "raise the model's maxPositions or shorten the data.",
      });
    }
    if (batch.largestId >= this.config.vocabSize) {
      // The device would read another row of the embedding, and no log-probability at all.
      throw new ToolError('config', {
        op: 'model',
        expected: `token ids below ${this.config.vocabSize}`,
        got: String(batch.largestId),
        hint: 'the data was made with another tokenizer.',
      });
    }
    const adapters = options.adapters ?? true;
    const attend: Attend = (qkv, layer) => this.attend(qkv, layer, batch);
    let x = this.embed(batch.ids, batch.groups);
    for (let layer = 0; layer < this.config.numHiddenLayers; layer++) {
      const block = (input: Tensor): Tensor => this.block(layer, input, attend, adapters);
      // Where no gradient is wanted, a block leaves nothing but its result, and the next block nothing of that.
      const next = this.recomputesBlocks || !isObserved() ? checkpoint(block, [x]) : block(x);
      if (!isObserved()) x.dispose();
      x = next;
    }
    return this.finalNorm(x);
  }

  /** Attention of each sequence of a batch to itself in a layer; qkv may be normalised and turned in place. */
  attend(qkv: Tensor, layer: number, { segments, positions }: Pick<PackedBatch, 'segments' | 'positions'>): Tensor {
    const { attrs, norms } = this.attention(layer);
    return packedAttention(qkv, segments, { ...attrs, inPlace: true }, { positions, table: this.ropeTable }, norms);
  }

  /** The heads of a layer, its window and, where the model has them, the norms of its query and key heads. */
  attention(layer: number): LayerAttention {
    const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim, layerWindows, qkNorm } = this.config;
    const attrs = { heads, kvHeads, scale: 1 / Math.sqrt(headDim), window: layerWindows?.[layer] ?? 0 };
    if (qkNorm !== true) return { attrs, norms: undefined };
    const norm = (part: string): Tensor => this.weights.vector(`${layerName(layer, part)}.weight`);
    const eps = this.config.rmsNormEps;
    return { attrs, norms: { query: norm('self_attn.q_norm'), key: norm('self_attn.k_norm'), eps } };
  }

  /** Overwrites the base weights with those of a model of the same configuration, widened to f32. */
  async copyWeightsFrom(other: DecoderModel): Promise<void> {
    const { parameters } = other.weights;
    if (parameters !== undefined) this.base.copyFrom(parameters);
    else for (const name of this.base.names) this.base.set(name, await other.weights.read(name));
  }

  /** The base weights for saving, each read from the device when it is written. */
  tensorSources(): TensorSource[] {
    return weightSpecs(this.config).map(({ name, shape }) => ({ name, shape, read: () => this.weights.read(name) }));
  }

  dispose(): void {
    this.weights.dispose();
    this.adapters?.dispose();
    this.ropeTable.dispose();
  }

  /** One linear with its bias and adapter, and a residual added. */
  #linear(layer: number, part: string, x: Tensor, adapters: boolean, residual: Tensor): Tensor {
    const name = layerName(layer, part);
    let y = linear(x, this.weights.matrix(`${name}.weight`), { residual });
    if (hasBias(this.config, part)) y = add(y, this.weights.vector(`${name}.bias`));
    if (!adapters || !this.adapters?.has(name)) return y;
    if (!isDecoding(x)) return add(y, this.adapters.delta(name, x));
    addLowRank(y, x, [this.adapters.term(name, 0)]);
    return y;
  }

  /** Several linears of one input, their results side by side: one matmul where their weights are stacked. */
  #linears(layer: number, parts: readonly string[], x: Tensor, adapters: boolean): Tensor {
    const names = parts.map((part) => layerName(layer, part));
    const stack = this.weights.stacked(names.map((name) => `${name}.weight`));
    const biases = hasBias(this.config, parts[0]!) ? names.map((name) => `${name}.bias`) : [];
    const withBias = (vector: Tensor | undefined): LinearOptions => (vector === undefined ? {} : { bias: vector });
    const y =
      stack !== undefined
        ? linear(x, stack, withBias(this.#stackedBias(biases)))
        : concat(
            names.map((name, i) =>
              linear(
                x,
                this.weights.matrix(`${name}.weight`),
                withBias(biases[i] === undefined ? undefined : this.weights.vector(biases[i])),
              ),
            ),
            1,
          );
    const { adapters: lora } = this;
    if (!adapters || lora === undefined || !names.some((name) => lora.has(name))) return y;
    const widths = names.map((name) => this.weights.shape(`${name}.weight`)[0]!);
    if (isDecoding(x)) {
      const firsts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width, 0));
      const terms = names.flatMap((name, i) => (lora.has(name) ? [lora.term(name, firsts[i]!)] : []));
      addLowRank(y, x, terms);
      return y;
    }
    const deltas = names.map((name, i) =>
      lora.has(name) ? lora.delta(name, x) : zeros(this.device, [x.shape[0]!, widths[i]!]),
    );
    return add(y, concat(deltas, 1));
  }

  /** Biases one after the other, without a launch where their sizes are multiples of 64; none for no names. */
  #stackedBias(names: readonly string[]): Tensor | undefined {
    if (names.length === 0) return undefined;
    const vectors = names.map((name) => this.weights.vector(name));
    return this.weights.stackedVector(names) ?? concat(vectors, 0);
  }
}

function createParameters(device: Device, config: DecoderConfig, trainable: boolean): ParameterWeights {
  const specs = weightSpecs(config).map(({ name, shape }) => ({ name, shape, decay: shape.length > 1 }));
  return new ParameterWeights(new Parameters(device, 'models/decoder', specs, { trainable }), weightStacks(config));
}

/** The embedding is never quantised. */
function floatBlocks(blocks: MatrixBlocks): Tensor[] {
  return blocks.map((block) => {
    if (block instanceof Tensor) return block;
    throw new ToolError('failed', { op: 'embedding', expected: 'a table of floats', got: block.format });
  });
}

/**
 * Most rows whose adapters are added in place: their kernels are for the few rows of a decode step. (Rank 16 at a width
 * of 896 on lavapipe: a row takes a quarter of the time of the ops, 16 half of it, 64 as long.)
 */
const DECODED_ROWS = 32;

/** Whether x is the input of a decode step: a few rows that nobody differentiates. */
function isDecoding(x: Tensor): boolean {
  return x.shape[0]! <= DECODED_ROWS && !isObserved();
}

/** The reference policy of a training is the base without adapters: one that was loaded would be lost from it. */
function adapterToTrain(): ToolError {
  return new ToolError('config', {
    op: 'model',
    expected: 'a model without adapters to start training from',
    got: 'one with an adapter',
    hint: 'merge it into its base first: dawngrad merge --adapter DIR --output MODEL.',
  });
}
