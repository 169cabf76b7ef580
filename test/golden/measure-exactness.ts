// How near a loaded model comes to the reference on one model golden. Web
// standards only: the same measuring runs in Node and in workerd.

import {
  generate,
  type GenerateOptions,
} from "../../src/shared/generate/generate.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import type { Features } from "../../src/shared/model/model.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";

/** `models/RECIPE.json`; the README says what each field means. */
export interface ModelGolden {
  readonly recipe: string;
  readonly input_size: number;
  readonly banned_ids: readonly [number, number] | null;
  readonly weights_sha256: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorsGolden[];
  readonly prompts: readonly PromptGolden[];
  readonly answers: readonly AnswerGolden[];
  readonly batches: readonly BatchGolden[];
}

export interface PromptGolden {
  readonly photo: string;
  /** As `tasks` of a request has it. */
  readonly request: unknown;
  readonly task: string;
  readonly text: string;
  readonly ids: readonly number[];
}

export interface AnswerGolden {
  readonly prompt: number;
  readonly beams: number;
  readonly early_stopping?: boolean;
  readonly length_penalty?: number;
  readonly max_new_tokens?: number;
  readonly ids: readonly number[];
  readonly stable: boolean;
  readonly log_probs?: readonly number[];
  readonly log_probs_noise?: number;
}

export interface BatchGolden {
  readonly photo: string;
  readonly prompts: readonly number[];
  readonly ids: readonly (readonly number[])[];
}

interface Sampled {
  readonly shape: readonly number[];
  readonly std: number;
  readonly noise: number;
  readonly values: readonly number[];
}

interface TensorsGolden {
  readonly photo: string;
  readonly prompt: number;
  readonly features: Sampled;
  readonly encoder: Sampled;
  readonly logits: Sampled & {
    readonly argmax: number;
    readonly log_sum_exp: number;
  };
}

/** Largest difference of one tensor, in standard deviations of the tensor. */
export interface Difference {
  readonly photo: string;
  readonly tensor: "features" | "encoder" | "logits";
  readonly difference: number;
  readonly tolerance: number;
}

/** An answer whose ids are not the reference's. */
export interface Mismatch {
  readonly answer: AnswerGolden;
  readonly got: readonly number[];
}

/** Largest difference of a log-probability. */
export interface LogProbDifference {
  readonly difference: number;
  readonly tolerance: number;
}

export interface Exactness {
  readonly recipe: string;
  readonly differences: readonly Difference[];
  readonly stable: { readonly same: number; readonly of: number };
  readonly unstable: { readonly same: number; readonly of: number };
  readonly mismatches: readonly Mismatch[];
  /** On answers with equal ids whose golden has log-probabilities. */
  readonly logProbs: LogProbDifference;
  /** Padded batches whose ids are the reference's, of how many. */
  readonly batches: { readonly same: number; readonly of: number };
}

/** New tokens where a golden does not say. */
const MAX_NEW_TOKENS = 20;

/**
 * Runs every case of a golden.
 *
 * @param photos the golden's photos, decoded, by name.
 * @param tensors false where the photos are not the golden's own pixels (JPEG):
 *   only ids are then compared.
 */
export async function measureExactness(
  loaded: LoadedModel,
  golden: ModelGolden,
  photos: ReadonlyMap<string, RgbImage>,
  tensors = true,
): Promise<Exactness> {
  const features = new Map<string, Features>();
  for (const [name, image] of photos) {
    const inputSize = golden.input_size;
    const [encoded] = await loaded.model.encode([image], { inputSize });
    features.set(name, encoded!);
  }
  const differences: Difference[] = [];
  if (tensors) {
    for (const row of golden.tensors) {
      const photo = features.get(row.photo)!;
      differences.push(
        ...(await tensorDifferences(loaded, golden, row, photo)),
      );
    }
  }

  const stable = { same: 0, of: 0 };
  const unstable = { same: 0, of: 0 };
  const mismatches: Mismatch[] = [];
  let logProbDifference = 0;
  for (const answer of golden.answers) {
    const prompt = golden.prompts[answer.prompt]!;
    const [got] = await answerPrompts(
      loaded,
      features.get(prompt.photo)!,
      [prompt],
      answer,
    );
    const count = answer.stable ? stable : unstable;
    count.of += 1;
    if (!sameIds(got!.ids, answer.ids)) {
      mismatches.push({ answer, got: got!.ids });
      continue;
    }
    count.same += 1;
    if (answer.log_probs !== undefined) {
      logProbDifference = Math.max(
        logProbDifference,
        largestDifference(got!.logProbs, answer.log_probs),
      );
    }
  }

  const batches = { same: 0, of: 0 };
  for (const batch of golden.batches) {
    const prompts = batch.prompts.map((prompt) => golden.prompts[prompt]!);
    const photo = features.get(batch.photo)!;
    const got = await answerPrompts(loaded, photo, prompts, { beams: 1 });
    batches.of += 1;
    if (got.every(({ ids }, i) => sameIds(ids, batch.ids[i]!)))
      batches.same += 1;
  }
  const { recipe } = golden;
  return {
    recipe,
    differences,
    stable,
    unstable,
    mismatches,
    logProbs: {
      difference: logProbDifference,
      tolerance: logProbTolerance(golden),
    },
    batches,
  };
}

/** Stable answers that differ: there may be none. */
export function stableMismatches({
  mismatches,
}: Exactness): readonly Mismatch[] {
  return mismatches.filter(({ answer }) => answer.stable);
}

/** One line of the exactness table. */
export function describeExactness(result: Exactness): string {
  const worst = (tensor: Difference["tensor"]): string => {
    const rows = result.differences.filter((row) => row.tensor === tensor);
    if (rows.length === 0) return `${tensor} –`;
    const largest = Math.max(...rows.map((row) => row.difference));
    const tolerance = Math.max(...rows.map((row) => row.tolerance));
    return `${tensor} ${largest.toExponential(1)} (${tolerance.toExponential(1)})`;
  };
  return [
    result.recipe.padEnd(26),
    worst("features"),
    worst("encoder"),
    worst("logits"),
    `stable ids ${result.stable.same}/${result.stable.of}`,
    `others ${result.unstable.same}/${result.unstable.of}`,
    `padded batches ${result.batches.same}/${result.batches.of}`,
    `log-prob ${result.logProbs.difference.toExponential(1)} (${result.logProbs.tolerance.toExponential(1)})`,
  ].join(" | ");
}

/**
 * Two float32 implementations, each with the largest error that the reference's
 * own has anywhere in this golden.
 */
function logProbTolerance({ answers }: ModelGolden): number {
  const noise = answers.map((answer) => answer.log_probs_noise ?? 0);
  return Math.max(1e-3, 2 * Math.max(...noise));
}

async function tensorDifferences(
  { model, manifest }: LoadedModel,
  golden: ModelGolden,
  row: TensorsGolden,
  features: Features,
): Promise<Difference[]> {
  const { ids } = golden.prompts[row.prompt]!;
  const state = await model.start([{ features, ids }]);
  try {
    const compared: [Difference["tensor"], Sampled, readonly number[]][] = [
      ["features", row.features, pick(features.data, row.features)],
    ];
    if (state.encoderOutput !== undefined) {
      const output = await state.encoderOutput(0);
      compared.push(["encoder", row.encoder, pick(output, row.encoder)]);
    }
    const [size] = row.logits.shape;
    const count = row.logits.values.length;
    const scored = row.logits.values.map((_, i) =>
      Math.floor((i * size!) / count),
    );
    const [step] = await state.step([
      {
        prompt: 0,
        parent: -1,
        tokenId: manifest.generation.decoder_start_token_id,
        best: 0,
        scored,
      },
    ]);
    const { scored: logProbs, logSumExp } = step!;
    const logits = Array.from(logProbs, (logProb) => logProb + logSumExp);
    compared.push(["logits", row.logits, logits]);
    return compared.map(([tensor, wanted, got]) => ({
      photo: row.photo,
      tensor,
      difference: largestDifference(got, wanted.values) / wanted.std,
      tolerance: Math.max(1e-3, (4 * wanted.noise) / wanted.std),
    }));
  } finally {
    await state.dispose();
  }
}

async function answerPrompts(
  { model, manifest }: LoadedModel,
  features: Features,
  prompts: readonly PromptGolden[],
  settings: Settings,
): Promise<Awaited<ReturnType<typeof generate>>> {
  const state = await model.start(
    prompts.map(({ ids }) => ({ features, ids })),
  );
  try {
    return await generate(
      state,
      [...prompts.keys()],
      settingsOf(manifest, settings),
    );
  } finally {
    await state.dispose();
  }
}

type Settings = Pick<
  AnswerGolden,
  "beams" | "early_stopping" | "length_penalty" | "max_new_tokens"
>;

function settingsOf(
  manifest: LoadedModel["manifest"],
  settings: Settings,
): GenerateOptions {
  return {
    spec: {
      ...manifest.generation,
      no_repeat_ngram_size: 3,
      early_stopping: settings.early_stopping ?? true,
      length_penalty: settings.length_penalty ?? 1,
    },
    numBeams: settings.beams,
    maxTokens: settings.max_new_tokens ?? MAX_NEW_TOKENS,
  };
}

/** The golden's evenly spaced elements of a whole tensor. */
function pick(data: Float32Array, golden: Sampled): number[] {
  const count = golden.values.length;
  const size = golden.shape.reduce((product, side) => product * side, 1);
  if (data.length !== size) {
    throw new Error(`Got ${data.length} values, expected ${size}.`);
  }
  return golden.values.map((_, i) => data[Math.floor((i * size) / count)]!);
}

function largestDifference(
  got: readonly number[],
  wanted: readonly number[],
): number {
  // NaN must not pass for small
  return wanted.reduce((largest, value, i) => {
    const difference = Math.abs(got[i]! - value);
    return difference <= largest ? largest : difference;
  }, 0);
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
