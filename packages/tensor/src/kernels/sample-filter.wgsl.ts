import { type SampleSpec, statsOfPart } from './sample-tokens.wgsl.ts';

/*
 * The draw among the tokens that top-k, top-p and min-p leave. A thread walks over the groups of four tokens in its
 * list, or over all of its share of the row where there is no list or it is not long enough.
 */

/** A loop over some scores: `body` sees `s`, and with tokens `g` and `c`, their group and place in it. */
type Sweep = (body: string) => string;

/**
 * The largest key such that `measure` of the scores at or above it still reaches `goal`: three bits a sweep,
 * as a token costs a load however many keys it is compared with. It looks between `threshold` and the key of `top`.
 * `exact` stops where the goal is met exactly.
 */
function thresholdSearch(name: string, sweep: Sweep, measure: string, goal: string, exact: boolean): string {
  return `
  {
    var prefix = threshold;
    // Eight steps cover the range.
    var shift = max(firstLeadingBit((max(orderedKey(top), threshold) - threshold) | 1u), 2u) - 2u;
    loop {
      let step = 1u << shift;
      var low_part = vec4f();
      var high_part = vec4f();
      ${sweep(`let key = orderedKey(s);
        if (key >= prefix) {
          let weight = ${measure};
          let above = vec4u(key - prefix);
          low_part += select(vec4f(), vec4f(weight), above >= vec4u(1u, 2u, 3u, 4u) * step);
          high_part += select(vec4f(), vec4f(weight), above >= vec4u(5u, 6u, 7u, 7u) * step);
        }`)}
      let sums = foldSums(low_part, high_part, lane);
      let reached = select(vec4u(), vec4u(1u), sums.low >= vec4f(${goal}));
      let reached_high = select(vec4u(), vec4u(1u, 1u, 1u, 0u), sums.high >= vec4f(${goal}));
      let digit = reached.x + reached.y + reached.z + reached.w + reached_high.x + reached_high.y + reached_high.z;
      prefix += digit * step;
      ${exact ? `if (any(sums.low == vec4f(${goal})) || any(sums.high == vec4f(${goal}))) { break; }` : ''}
      if (shift == 0u) { break; }
      // The last sweep may look at a bit again, which finds no more than before.
      shift = max(shift, 3u) - 3u;
    }
    threshold = prefix; // ${name}
  }`;
}

/** Functions that `drawFiltered` calls. */
export function filterFunctions({ drawLanes: lanes }: SampleSpec): string {
  return `
struct Sums { low: vec4f, high: vec4f }
var<workgroup> low_sums: array<vec4f, ${lanes}>;
var<workgroup> high_sums: array<vec4f, ${lanes}>;
fn foldSums(low: vec4f, high: vec4f, lane: u32) -> Sums {
  low_sums[lane] = low;
  high_sums[lane] = high;
  workgroupBarrier();
  for (var span = ${lanes / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) {
      low_sums[lane] += low_sums[lane + span];
      high_sums[lane] += high_sums[lane + span];
    }
    workgroupBarrier();
  }
  return Sums(workgroupUniformLoad(&low_sums[0]), workgroupUniformLoad(&high_sums[0]));
}
`;
}

/**
 * A score that no allowed token is below. With top-k: the k-th largest of the maxima of the scan's threads, each of
 * which is a token's. Without: the least score of min-p, and for top-p one so low that all tokens below it together
 * cannot have the mass that may be left out.
 */
function lowerBound(spec: SampleSpec): string {
  const { useTopK, useTopP, useMinP, scanLanes, drawLanes } = spec;
  if (useTopK) {
    const tops: Sweep = (body) => `for (var i = lane; i < params.parts * ${scanLanes}u; i += ${drawLanes}u) {
        let s = stats[(row * params.parts + i / ${scanLanes}u) * ${statsOfPart(spec)}u + 4u + i % ${scanLanes}u];
        ${body}
      }`;
    return `
  if (params.topK <= params.parts * ${scanLanes}u) {${thresholdSearch('a bound of top-k', tops, '1.0', 'f32(params.topK)', true)}
  }`;
  }
  const bounds = [useMinP ? 'params.logMinP' : '', useTopP ? 'params.logTail + log(total)' : ''].filter(Boolean);
  const least = bounds.length === 2 ? `max(${bounds.join(', ')})` : bounds[0]!;
  return `
  threshold = orderedKey(top + ${least} * params.temperature - 1e-4 * (1.0 + abs(top)));`;
}

/** Lists the groups of the thread's share that have a token not below the bound, as far as there is room. */
function listGroups({ drawLanes }: SampleSpec): string {
  return `
  var found = 0u;
  for (var g = lane; g < groupCount; g += ${drawLanes}u) {
    if (orderedKey(highest(scoresAt(row, g))) >= threshold) {
      if (found < params.listed) { list[(row * params.listed + found) * ${drawLanes}u + lane] = g; }
      found++;
    }
  }
  let isListed = found <= params.listed;`;
}

/** Declares `token`. Before it stand row, lane, and top and total, the maximum of the scores and their softmax's sum. */
export function drawFiltered(spec: SampleSpec): string {
  const { useTopK, useTopP, useMinP, isSplit, drawLanes } = spec;
  const walked = `i * ${drawLanes}u + lane`;
  const share = `(groupCount + ${drawLanes - 1}u - lane) / ${drawLanes}u`;
  const weight = 'exp((s - top) * params.inverseTemperature)';
  const groups: Sweep = (body) => `for (var i = 0u; i < steps_of_walk; i++) {
        let g = ${
          isSplit
            ? `select(${walked}, list[(row * params.listed + min(i, params.listed - 1u)) * ${drawLanes}u + lane], isListed)`
            : walked
        };
        let four = scoresAt(row, g);
        ${body}
      }`;
  const sweep: Sweep = (body) =>
    groups(`for (var c = 0u; c < min(4u, params.vocabulary - g * 4u); c++) {
          let s = four[c];
          ${body}
        }`);
  return `
  let groupCount = (params.vocabulary + 3u) / 4u;
  // The key of the least score that is allowed.
  var threshold = 0u;
  ${isSplit ? `${lowerBound(spec)}${listGroups(spec)}` : ''}
  let steps_of_walk = ${isSplit ? `select(${share}, found, isListed)` : share};
  ${useTopK ? thresholdSearch('top-k', sweep, '1.0', 'f32(params.topK)', true) : ''}
  ${
    useTopP
      ? `${
          useTopK
            ? `var kept_part = 0.0;
  ${sweep(`if (orderedKey(s) >= threshold) { kept_part += ${weight}; }`)}
  let kept = foldSum(kept_part, lane);`
            : 'let kept = total;'
        }${thresholdSearch('top-p', sweep, weight, 'params.topP * kept', false)}`
      : ''
  }
  var best = LOWEST;
  var bestIndex = NOBODY;
  ${groups(`let scaled = (four - top) * params.inverseTemperature;
        // No noise could make one of these the best.
        if (highest(scaled) + MOST_NOISE < best || orderedKey(highest(four)) < threshold) { continue; }
        let noisy = scaled + noise(philox(vec4u(g, steps[row], rowIds[row], 0u), vec2u(params.seed, params.stream)));
        for (var c = 0u; c < min(4u, params.vocabulary - g * 4u); c++) {
          if (orderedKey(four[c]) < threshold${useMinP ? ' || scaled[c] < params.logMinP' : ''}) { continue; }
          if (noisy[c] > best || bestIndex == NOBODY) { best = noisy[c]; bestIndex = g * 4u + c; }
        }`)}
  let token = foldBest(best, bestIndex, lane);`;
}
