import type { AdapterClass } from '../gpu/adapter.ts';
import { type KernelParam, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { PHILOX_WGSL } from './lib/philox.wgsl.ts';
import { drawFiltered, filterFunctions } from './sample-filter.wgsl.ts';
import {
  foldFunctions,
  isFiltered,
  logitsBinding,
  PART,
  readBindings,
  type SampleSpec,
  SEEN_WGSL,
  scanShare,
  scoreFunction,
  statsOfPart,
  tokenFunctions,
  writtenBindings,
} from './sample-tokens.wgsl.ts';

/*
 * Math     Gumbel-max: token = argmax over allowed v of (s_v / temperature - ln(-ln u_v)), which is a draw
 *          from the softmax over the allowed tokens. u_v comes from word v mod 4 of Philox at counter
 *          (v div 4, step of the row, id of the row), so a draw depends on neither the batch nor the launch.
 *          s_v = l_v, or for a token that the row has had l_v / penalty if l_v > 0, else l_v * penalty.
 *          Allowed, with p = softmax(s / temperature): s_v among the topK largest; then the smallest set of the
 *          most likely tokens whose mass (renormalised after top-k) reaches topP; then p_v >= minP max p.
 *          Thresholds are found by a search on the ordered bits of s, so ties at a threshold are all kept.
 *          logp = l_token / temperature - ln sum over ALL v of e^(l_v / temperature), without the penalty: the
 *          quantity that training computes for the same token.
 *          Temperature 0: argmax of s, smallest id on ties; logp at temperature 1.
 * Layout   logits [B, V]; rowIds, steps u32 [B]; tokens u32 [B]; logps f32 [B]. Of a penalty: history u32
 *          [B, capacity], lengths and newest u32 [B]. Between the launches: stats [B, parts, 4 or more], seen
 *          [B, V / 32] words of bits, list u32 [B, ...].
 * Dispatch V <= PART: one launch, a workgroup a row. Else two: a workgroup a (part, row) scans its part, then one
 *          a row puts the parts together and draws. How a row is cut up depends on V and the adapter's class alone:
 *          its results are the same bits in every batch.
 * Memory   two reads of the logits, the second from the cache; with filters one more, and about 22 reads of the
 *          few tokens that may pass (a lower bound of the threshold comes from the scan, and the tokens above it
 *          are listed; a thread whose list overflows walks its whole share instead).
 * Source   Gumbel-max: Maddison et al., "A* sampling", 2014. Penalty: Keskar et al., "CTRL", 2019. min-p: Nguyen
 *          et al., 2024.
 */

/** How tokens are drawn from logits; the penalty comes first, then top-k, top-p and min-p cut in this order. */
export interface SampleSettings {
  /** 0 means greedy. */
  readonly temperature: number;
  /** Keep the k most likely tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the most likely tokens up to this mass; 1 keeps all. */
  readonly topP: number;
  /** Keep tokens at least this likely relative to the most likely; 0 keeps all. */
  readonly minP: number;
  /**
   * Divides the positive logits of tokens that a row has had, and multiplies the others, as Hugging Face's
   * repetition_penalty does; 1, the default, changes nothing.
   */
  readonly repetitionPenalty?: number;
}

/** What a sampling needs to know besides its buffers. */
export interface SampleShape {
  readonly rows: number;
  readonly vocabulary: number;
  readonly settings: SampleSettings;
  readonly seed: number;
  readonly stream: number;
  /** Tokens that the history of a row has room for; a penalty needs it. */
  readonly capacity?: number | undefined;
  readonly adapterClass: AdapterClass;
}

export interface SamplePlan {
  /**
   * For a vocabulary of several parts. Bindings: logits, [rowIds, steps without filters], of a penalty [lengths,
   * newest, history (written)], stats and [seen], both written.
   */
  readonly scan?: LaunchPlan;
  /**
   * Bindings: logits, rowIds, steps, then of a vocabulary of several parts [seen], stats, [list], else of a penalty
   * [lengths, newest, history]; tokens, logps.
   */
  readonly draw: LaunchPlan;
  readonly spec: SampleSpec;
  /** Numbers of the buffers between the launches. */
  readonly sizes: { readonly stats: number; readonly seen: number; readonly list: number };
}

const SCAN_LANES: Readonly<Record<AdapterClass, number>> = { cpu: 8, gpu: 128 };
const DRAW_LANES: Readonly<Record<AdapterClass, { whole: number; split: number }>> = {
  cpu: { whole: 8, split: 8 },
  gpu: { whole: 64, split: 256 },
};
/** A thread lists this share of the groups that it walks over. */
const LISTED_SHARE = 1 / 4;

const PARAMS: readonly KernelParam[] = [
  ...['rows', 'vocabulary', 'parts', 'capacity', 'listed', 'seed', 'stream', 'topK'].map(
    (name) => ({ name, type: 'u32' }) as const,
  ),
  ...['temperature', 'inverseTemperature', 'penalty', 'topP', 'logMinP', 'logTail'].map(
    (name) => ({ name, type: 'f32' }) as const,
  ),
];

export function planSample(shape: SampleShape): SamplePlan {
  const { rows, vocabulary, settings, seed, stream, capacity = 0, adapterClass } = shape;
  const { temperature, topK, topP, minP, repetitionPenalty: penalty = 1 } = settings;
  const greedy = temperature === 0;
  const isSplit = vocabulary > PART;
  const spec: SampleSpec = {
    greedy,
    useTopK: !greedy && topK > 0 && topK < vocabulary,
    useTopP: !greedy && topP < 1,
    useMinP: !greedy && minP > 0,
    penalised: penalty !== 1,
    aligned: vocabulary % 4 === 0,
    isSplit,
    scanLanes: SCAN_LANES[adapterClass],
    drawLanes: DRAW_LANES[adapterClass][isSplit ? 'split' : 'whole'],
  };
  const parts = Math.ceil(vocabulary / PART);
  const groups = Math.ceil(vocabulary / 4);
  const filtered = isFiltered(spec);
  const listed = Math.ceil(Math.ceil(groups / spec.drawLanes) * LISTED_SHARE);
  const params = [
    ...[rows, vocabulary, parts, capacity, listed, seed, stream, topK],
    ...[greedy ? 1 : temperature, greedy ? 1 : 1 / temperature, penalty, topP],
    minP > 0 ? Math.log(minP) : 0,
    topP < 1 ? Math.log((0.5 * (1 - topP)) / vocabulary) : 0,
  ];
  const key = [greedy, spec.useTopK, spec.useTopP, spec.useMinP, spec.penalised, spec.aligned, isSplit].map(Number);
  const past = spec.penalised ? ['lengths', 'newest'] : [];
  const history = spec.penalised ? ['history'] : [];
  const sizes = {
    stats: rows * parts * statsOfPart(spec),
    seen: spec.penalised && filtered ? (rows * parts * PART) / 32 : 0,
    list: filtered ? rows * spec.drawLanes * listed : 0,
  };
  const draw: LaunchPlan = {
    kernel: {
      key: `sample/draw/${key.join('')}/${spec.drawLanes}/${spec.scanLanes}`,
      label: 'tensor/sample/draw',
      bindings: [
        logitsBinding(spec),
        ...readBindings(['rowIds', 'steps']),
        ...readBindings(isSplit ? (sizes.seen > 0 ? ['seen'] : []) : past),
        ...readBindings(isSplit ? ['stats'] : [], 'f32'),
        ...writtenBindings(isSplit ? (filtered ? ['list'] : []) : history),
        ...writtenBindings(['tokens']),
        ...writtenBindings(['logps'], 'f32'),
      ],
      params: PARAMS,
      body: () => drawBody(spec),
    },
    params,
    workgroups: linearWorkgroups(rows),
  };
  if (!isSplit) return { draw, spec, sizes };
  const scan: LaunchPlan = {
    kernel: {
      key: `sample/scan/${key.join('')}/${spec.scanLanes}`,
      label: 'tensor/sample/scan',
      bindings: [
        logitsBinding(spec),
        ...readBindings([...(filtered ? [] : ['rowIds', 'steps']), ...past]),
        ...writtenBindings(history),
        ...writtenBindings(['stats'], 'f32'),
        ...writtenBindings(sizes.seen > 0 ? ['seen'] : []),
      ],
      params: PARAMS,
      body: () => scanBody(spec),
    },
    params,
    workgroups: linearWorkgroups(rows * parts),
  };
  return { scan, draw, spec, sizes };
}

function sharedText(spec: SampleSpec, lanes: number, marks: boolean): string {
  return [
    spec.greedy ? '' : PHILOX_WGSL,
    tokenFunctions(spec),
    marks ? SEEN_WGSL : '',
    scoreFunction(spec, marks ? 'part' : 'row'),
    foldFunctions(lanes),
  ].join('');
}

const ENTRY =
  'fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {';

/** Joins the threads' shares of a softmax, each a sum relative to a maximum of its own. */
function join(into: { top: string; total: string }, own: { top: string; sum: string }): string {
  return `
  let ${into.top} = foldTop(${own.top}, lane);
  let ${into.total} = foldSum(${own.sum} * exp((${own.top} - ${into.top}) * params.inverseTemperature), lane);`;
}

/** What the threads of a workgroup have found: rawTop and rawTotal; with filters top and total; else token. */
function joinShares(spec: SampleSpec): string {
  const raw = join({ top: 'rawTop', total: 'rawTotal' }, { top: 'ownRawTop', sum: 'ownRawSum' });
  if (!isFiltered(spec)) return `${raw}\n  let token = foldBest(best, bestIndex, lane);`;
  if (!spec.penalised) return `${raw}\n  let top = rawTop;\n  let total = rawTotal;`;
  return `${raw}${join({ top: 'top', total: 'total' }, { top: 'ownTop', sum: 'ownSum' })}`;
}

function scanBody(spec: SampleSpec): string {
  const { scanLanes: lanes, penalised, useTopK } = spec;
  const result = isFiltered(spec)
    ? 'vec4f(rawTop, rawTotal, top, total)'
    : 'vec4f(rawTop, rawTotal, values[0], select(f32(token), -1.0, token == NOBODY))';
  return `${sharedText(spec, lanes, penalised)}
@compute @workgroup_size(${lanes})
${ENTRY}
  let id = group.x + group.y * groups.x;
  let row = id / params.parts;
  if (row >= params.rows) { return; }
  let part = id - row * params.parts;
  let begin = part * ${PART / 4}u;
  let end = min(begin + ${PART / 4}u, (params.vocabulary + 3u) / 4u);
  ${penalised ? `markSeen(row, part, lane, ${lanes}u);` : ''}${scanShare(spec, lanes)}${joinShares(spec)}
  let place = id * ${statsOfPart(spec)}u;
  ${useTopK ? `stats[place + 4u + lane] = own${penalised ? '' : 'Raw'}Top;` : ''}
  ${penalised && isFiltered(spec) ? `for (var word = lane; word < ${PART / 32}u; word += ${lanes}u) { seen[id * ${PART / 32}u + word] = atomicLoad(&seenPart[word]); }` : ''}
  if (lane == 0u) {
    let result = ${result};
    for (var i = 0u; i < 4u; i++) { stats[place + i] = result[i]; }
  }
}
`;
}

/** The thread's share of the parts that the scan has found. */
function takeParts(spec: SampleSpec): string {
  const ownSum = isFiltered(spec) && spec.penalised;
  const walk = `for (var part = lane; part < params.parts; part += ${spec.drawLanes}u)`;
  const at = (i: number) => `stats[(row * params.parts + part) * ${statsOfPart(spec)}u + ${i}u]`;
  const factor = (top: string, place: number) => `exp((${at(place)} - ${top}) * params.inverseTemperature)`;
  return `
  var ownRawTop = LOWEST;${ownSum ? '\n  var ownTop = LOWEST;' : ''}
  ${walk} {
    ownRawTop = max(ownRawTop, ${at(0)});${ownSum ? `\n    ownTop = max(ownTop, ${at(2)});` : ''}
  }
  var ownRawSum = 0.0;${ownSum ? '\n  var ownSum = 0.0;' : ''}${isFiltered(spec) ? '' : '\n  var best = LOWEST;\n  var bestIndex = NOBODY;'}
  ${walk} {
    ownRawSum += ${at(1)} * ${factor('ownRawTop', 0)};
    ${ownSum ? `ownSum += ${at(3)} * ${factor('ownTop', 2)};` : ''}
    ${isFiltered(spec) ? '' : `if (${at(3)} >= 0.0 && (${at(2)} > best || bestIndex == NOBODY)) { best = ${at(2)}; bestIndex = u32(${at(3)}); }`}
  }`;
}

function drawBody(spec: SampleSpec): string {
  const { drawLanes: lanes, penalised, isSplit } = spec;
  const marks = penalised && !isSplit;
  const scanned = `
  let begin = 0u;
  let end = (params.vocabulary + 3u) / 4u;
  ${marks ? `markSeen(row, 0u, lane, ${lanes}u);` : ''}${scanShare(spec, lanes)}`;
  const scores = isFiltered(spec) || !isSplit;
  return `${scores ? sharedText(spec, lanes, marks) : sharedText({ ...spec, penalised: false }, lanes, false)}${isFiltered(spec) ? filterFunctions(spec) : ''}
@compute @workgroup_size(${lanes})
${ENTRY}
  let row = group.x + group.y * groups.x;
  if (row >= params.rows) { return; }${isSplit ? takeParts(spec) : scanned}${joinShares(spec)}${isFiltered(spec) ? drawFiltered(spec) : ''}
  if (lane == 0u) {
    // A row of NaN has no best token.
    let drawn = select(token, 0u, token >= params.vocabulary);
    tokens[row] = drawn;
    logps[row] = (logitsAt(row, drawn / 4u)[drawn % 4u] - rawTop) * params.inverseTemperature - log(rawTotal);
  }
}
`;
}
