import { aimeTest, aimeTrain } from './aime.ts';
import { countdown } from './countdown.ts';
import type { Dataset } from './dataset.ts';
import { gsm8k, gsm8kDistilled } from './gsm8k.ts';
import { genericRows } from './jsonl-examples.ts';
import { medical, mmluPro, scienceQa } from './multiple-choice.ts';

/**
 * The data sets by name (`data.format`); a `_kd` set has experts' traces (r-airl.md, section 6). The kind
 * of file (JSONL, JSON, parquet, Arrow) is the file's own matter. To add one: a file, and a line here.
 */
export const DATASETS = {
  gsm8k,
  gsm8k_kd: gsm8kDistilled,
  medical,
  medical_kd: medical,
  mmlu: mmluPro,
  mmlu_kd: mmluPro,
  science: scienceQa,
  science_kd: scienceQa,
  aime_train: aimeTrain,
  aime_train_kd: aimeTrain,
  aime_2024: aimeTest,
  aime_2025: aimeTest,
  countdown,
  countdown_kd: countdown,
  jsonl: genericRows,
} as const satisfies Record<string, Dataset>;

export type DatasetName = keyof typeof DATASETS;
