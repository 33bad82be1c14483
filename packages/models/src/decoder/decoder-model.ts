import { type ParameterSpec, Parameters } from '@dawngrad/autograd';
import {
  add,
  concat,
  type Device,
  embedding,
  keep,
  linear,
  type PackedAttentionAttrs,
  packedAttention,
  packedSwiglu,
  Rng,
  read,
  reshape,
  rmsNorm,
  ropeTable,
  type Shape,
  sizeOf,
  swiglu,
  Tensor,
  type TokenGroups,
  ToolError,
} from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';
import type { TensorSource } from '../io/safetensors-writer.ts';
import type { WeightIndex } from '../io/weight-index.ts';
import { LoraAdapters, type LoraOptions } from '../nn/lora.ts';
import type { PackedBatch } from '../nn/packed-batch.ts';
import { checkWeights } from './check-weights.ts';

export interface DecoderOptions {
  /** False freezes the base: it has no gradients, and only adapters or a head can train. */
  readonly trainable: boolean;
  /** Longest sequence; decides the size of the rotary table. Default: the configuration's. */
  readonly maxPositions?: number;
}

/**
 * How a block attends: over the whole packed batch in training, over the cache in decoding. qkv [N, H + 2K, E]
 * holds query, key and value heads before the rotary embedding and may be overwritten: [N, H, E].
 */
export type Attend = (qkv: Tensor, layer: number) => Tensor;

const INIT_STREAM = 0x1417;
const EMBEDDING = 'model.embed_tokens.weight';
const OUTPUT = 'lm_head.weight';
const FINAL_NORM = 'model.norm.weight';

const HEADS = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'] as const;
const GATE_AND_UP = ['mlp.gate_proj', 'mlp.up_proj'] as const;
/** Linears of one input: one matmul where their weights lie next to each other. */
const STACKED: readonly (readonly string[])[] = [HEADS, GATE_AND_UP];

function weightName(layer: number, linear: string): string {
  return `model.layers.${layer}.${linear}.weight`;
}

/** Names and shapes of a Llama's weights, as in the Hugging Face state dict. */
function weightSpecs(config: DecoderConfig): ParameterSpec[] {
  const {
    hiddenSize: d,
    intermediateSize: f,
    numAttentionHeads: h,
    numKeyValueHeads: k,
    headDim: e,
    vocabSize: v,
  } = config;
  const specs: ParameterSpec[] = [{ name: EMBEDDING, shape: [v, d], decay: true }];
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const matrix = (name: string, shape: Shape): ParameterSpec => ({
      name: weightName(layer, name),
      shape,
      decay: shape.length > 1,
    });
    specs.push(
      matrix('input_layernorm', [d]),
      matrix('self_attn.q_proj', [h * e, d]),
      matrix('self_attn.k_proj', [k * e, d]),
      matrix('self_attn.v_proj', [k * e, d]),
      matrix('self_attn.o_proj', [d, h * e]),
      matrix('post_attention_layernorm', [d]),
      matrix('mlp.gate_proj', [f, d]),
      matrix('mlp.up_proj', [f, d]),
      matrix('mlp.down_proj', [d, f]),
    );
  }
  specs.push({ name: FINAL_NORM, shape: [d], decay: false });
  if (!config.tieWordEmbeddings) specs.push({ name: OUTPUT, shape: [v, d], decay: true });
  return specs;
}

/**
 * A Llama decoder: pre-norm blocks of rotary grouped-query attention and SwiGLU (Touvron et al., 2023).
 * Parameter names are those of the Hugging Face state dict, so loading and saving rename nothing.
 */
export class DecoderModel {
  readonly device: Device;
  readonly config: DecoderConfig;
  readonly base: Parameters;
  readonly maxPositions: number;
  /** LoRA adapters; set by `attachAdapters`. */
  adapters: LoraAdapters | undefined;
  /** Cosines and sines of all positions, [P, E]. */
  readonly ropeTable: Tensor;

  private constructor(device: Device, config: DecoderConfig, options: DecoderOptions) {
    this.device = device;
    this.config = config;
    this.maxPositions = options.maxPositions ?? config.maxPositionEmbeddings;
    this.base = new Parameters(device, 'models/llama', weightSpecs(config), { trainable: options.trainable });
    for (let layer = 0; layer < config.numHiddenLayers; layer++) {
      for (const group of STACKED) this.base.stacked(group.map((name) => weightName(layer, name)));
    }
    const width = config.headDim;
    const frequencies = Array.from({ length: width / 2 }, (_, e) => config.ropeTheta ** ((-2 * e) / width));
    this.ropeTable = keep(
      Tensor.from(
        device,
        ropeTable(this.maxPositions, frequencies),
        [this.maxPositions, width],
        'f32',
        'models/llama/rope',
      ),
    );
  }

  /** A model with all weights zero; `initialise`, `load` or `copyWeightsFrom` fill it. */
  static create(device: Device, config: DecoderConfig, options: DecoderOptions): DecoderModel {
    return new DecoderModel(device, config, options);
  }

  /** A model with the weights of a checkpoint. Every weight must be there with its shape, and no other. */
  static async load(
    device: Device,
    source: { readonly config: DecoderConfig; readonly weights: WeightIndex },
    options: DecoderOptions,
  ): Promise<DecoderModel> {
    const { config, weights } = source;
    // A tied output matrix may be stored all the same; rotary buffers are computed, not read.
    checkWeights(weightSpecs(config), weights, (name) => name === OUTPUT || name.endsWith('rotary_emb.inv_freq'));
    const model = new DecoderModel(device, config, options);
    try {
      for (const name of model.base.names) model.base.set(name, await weights.readF32(name));
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model;
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
        this.base.set(name, new Float32Array(size).fill(1));
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
    this.adapters = new LoraAdapters(this.device, this.linears(), options);
    return this.adapters;
  }

  /** What an optimizer should update: the adapters if there are any, else the base. */
  trainableParameters(): Parameters {
    return this.adapters?.parameters ?? this.base;
  }

  /** Names (without `.weight`) and shapes of the linears inside the blocks. */
  linears(): Map<string, Shape> {
    const found = new Map<string, Shape>();
    for (const name of this.base.names)
      if (name.includes('_proj.')) found.set(name.slice(0, -'.weight'.length), this.base.spec(name).shape);
    return found;
  }

  /** Embeddings [N, D] of ids u32 [N]; `groups` speeds up the gradient. */
  embed(ids: Tensor, groups?: TokenGroups): Tensor {
    return embedding(this.base.get(EMBEDDING), ids, groups === undefined ? {} : { groups });
  }

  /** One decoder block. x [N, D]. */
  block(layer: number, x: Tensor, attend: Attend, adapters: boolean): Tensor {
    const { numAttentionHeads: h, numKeyValueHeads: k, headDim: e, rmsNormEps: eps } = this.config;
    const rows = x.shape[0]!;
    const project = (name: string, input: Tensor, residual?: Tensor): Tensor =>
      this.#linear(layer, name, input, adapters, residual);
    const normed = rmsNorm(x, this.base.get(weightName(layer, 'input_layernorm')), eps);
    const heads =
      this.#stackedLinear(layer, HEADS, normed, adapters) ??
      concat(
        HEADS.map((name) => project(name, normed)),
        1,
      );
    const mixed = reshape(attend(reshape(heads, [rows, h + 2 * k, e]), layer), [rows, h * e]);
    const middle = project('self_attn.o_proj', mixed, x);
    const inner = rmsNorm(middle, this.base.get(weightName(layer, 'post_attention_layernorm')), eps);
    const both = this.#stackedLinear(layer, GATE_AND_UP, inner, adapters);
    const gated =
      both === undefined ? swiglu(project('mlp.gate_proj', inner), project('mlp.up_proj', inner)) : packedSwiglu(both);
    return project('mlp.down_proj', gated, middle);
  }

  finalNorm(x: Tensor): Tensor {
    return rmsNorm(x, this.base.get(FINAL_NORM), this.config.rmsNormEps);
  }

  /** The matrix from hidden states to logits, [V, D]: the embedding itself where they are tied. */
  outputWeight(): Tensor {
    return this.base.get(this.config.tieWordEmbeddings ? EMBEDDING : OUTPUT);
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
    const attend = (qkv: Tensor): Tensor => this.attend(qkv, batch);
    let x = this.embed(batch.ids, batch.groups);
    for (let layer = 0; layer < this.config.numHiddenLayers; layer++) x = this.block(layer, x, attend, adapters);
    return this.finalNorm(x);
  }

  /** Attention of each sequence of a batch to itself; turns the queries and keys of qkv in place. */
  attend(qkv: Tensor, { segments, positions }: Pick<PackedBatch, 'segments' | 'positions'>): Tensor {
    return packedAttention(
      qkv,
      segments,
      { ...this.attentionAttrs, inPlace: true },
      { positions, table: this.ropeTable },
    );
  }

  get attentionAttrs(): PackedAttentionAttrs {
    const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = this.config;
    return { heads, kvHeads, scale: 1 / Math.sqrt(headDim), window: 0 };
  }

  /** Overwrites the base weights with those of a model of the same configuration. */
  copyWeightsFrom(other: DecoderModel): void {
    this.base.copyFrom(other.base);
  }

  /** The base weights for saving, each read from the device when it is written. */
  tensorSources(): TensorSource[] {
    return weightSpecs(this.config).map(({ name, shape }) => ({
      name,
      shape,
      read: async () => (await read(this.base.get(name))) as Float32Array,
    }));
  }

  dispose(): void {
    this.base.dispose();
    this.adapters?.dispose();
    this.ropeTable.dispose();
  }

  #linear(layer: number, linearName: string, x: Tensor, adapters: boolean, residual: Tensor | undefined): Tensor {
    const weight = weightName(layer, linearName);
    const name = weight.slice(0, -'.weight'.length);
    const y = linear(x, this.base.get(weight), residual === undefined ? {} : { residual });
    return adapters && this.adapters?.has(name) ? add(y, this.adapters.delta(name, x)) : y;
  }

  /** Several linears of one input as one matmul, their results side by side; undefined where that cannot be. */
  #stackedLinear(layer: number, linears: readonly string[], x: Tensor, adapters: boolean): Tensor | undefined {
    const weights = linears.map((name) => weightName(layer, name));
    if (adapters && weights.some((name) => this.adapters?.has(name.slice(0, -'.weight'.length)))) return undefined;
    const stack = this.base.stacked(weights);
    return stack && linear(x, stack);
  }
}
