/**
 * The stream numbers of this package's random draws. Two uses with the same seed never share a
 * stream, so that adding a draw in one place changes no other.
 */
export const STREAMS = {
  dataOrder: 0x4100,
  rules: 0x4200,
  beliefs: 0x4201,
  demonstrations: 0x4202,
  unlabelled: 0x4203,
  dev: 0x4204,
  test: 0x4205,
  documents: 0x4206,
  longerChains: 0x4207,
  plantedErrors: 0x4208,
  writerTraces: 0x4209,
  corruption: 0x4300,
  expertErrors: 0x4301,
  localisation: 0x43e0,
  storedNegatives: 0x4302,
  criticControl: 0x4303,
  replay: 0x4400,
  criticObjective: 0x4401,
  rollout: 0x4500,
  warmupRollout: 0x4501,
  devRollout: 0x4502,
  testRollout: 0x4503,
  resample: 0x4504,
} as const;
