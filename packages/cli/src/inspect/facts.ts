import type { DecoderConfig, OpenAdapter, OpenModel } from '@dawngrad/models';

type Facts = readonly (readonly [label: string, text: string])[];

/** Architecture, sizes, tokenizer and what a generation starts from. `names`: files of the directory. */
export function modelFacts(model: OpenModel, names: readonly string[]): Facts {
  const { config, tokenizer, stopIds, generationConfig } = model;
  const token = (id: number): string => `${JSON.stringify(tokenizer.tokenOf(id) ?? '')} ${id}`;
  const generation = Object.entries(generationConfig ?? {})
    .filter(([key, value]) => /^(number|boolean)$/.test(typeof value) && !key.endsWith('TokenId'))
    .map(([key, value]) => `${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} ${String(value)}`);
  return [
    [
      'model',
      `${config.modelType}, ${config.numHiddenLayers} layers, width ${config.hiddenSize}, MLP ${config.intermediateSize}`,
    ],
    ['attention', attentionText(config)],
    [
      'positions',
      `${config.maxPositionEmbeddings}, theta ${config.ropeTheta}${config.ropeScaling === undefined ? '' : `, scaling ${config.ropeScaling.kind}`}`,
    ],
    ['vocabulary', `${config.vocabSize}, output ${config.tieWordEmbeddings ? 'tied to the embedding' : 'of its own'}`],
    [
      'tokenizer',
      `${tokenizer.vocabSize} tokens, chat template ${tokenizer.chatTemplate === undefined ? 'none' : 'present'}`,
    ],
    ['end tokens', stopIds.map(token).join(', ') || 'none'],
    ...(generation.length === 0 ? [] : ([['generation', generation.join(', ')]] as const)),
    ...(names.includes('score.safetensors') ? ([['head', 'score.safetensors: the critic of a run']] as const) : []),
  ];
}

/** What an adapter changes and how much. */
export function adapterFacts({ config, factors, savedTensors }: OpenAdapter): Facts {
  const {
    baseModel = 'not named',
    rank,
    alpha,
    rsLora,
    targets,
    modulesToSave = [],
    rankPattern,
    alphaPattern,
  } = config;
  const patterns = Object.keys({ ...rankPattern, ...alphaPattern }).length;
  return [
    ['base', `${baseModel}${config.revision === undefined ? '' : ` at ${config.revision}`}`],
    [
      'lora',
      `${factors.size} linears, rank ${rank}, alpha ${alpha}${rsLora === true ? ', rank-stabilised' : ''}${patterns === 0 ? '' : `, ${patterns} patterns of ranks or alphas`}`,
    ],
    ['targets', typeof targets === 'string' ? targets : targets.join(', ')],
    ...(savedTensors.size === 0
      ? []
      : ([['saved whole', modulesToSave.join(', ') || [...savedTensors.keys()].join(', ')]] as const)),
  ];
}

function attentionText(config: DecoderConfig): string {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim, layerWindows = [] } = config;
  const windowed = layerWindows.filter((window) => window > 0);
  return [
    `${heads} heads of ${headDim}`,
    kvHeads === heads ? 'as many key heads' : `${kvHeads} key heads`,
    ...(config.attentionBias === undefined ? [] : [`biases ${config.attentionBias}`]),
    ...(config.qkNorm === true ? ['norms of queries and keys'] : []),
    ...(windowed.length === 0 ? [] : [`windows of ${Math.min(...windowed)} in ${windowed.length} layers`]),
  ].join(', ');
}
