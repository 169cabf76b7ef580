// How near a loaded model comes to the reference on one model golden. Web
// standards only: the same measuring runs in Node and in workerd.

import {
  generate,
  type GenerateOptions,
} from "../../src/shared/generate/generate.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import type { DecodingState, Features } from "../../src/shared/model/model.ts";
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
  /**
   * How many searches over logits moved at random, by no more than their
   * tolerance, it took until one gave the reference's own ids; null if none
   * did. A near tie takes a few; a wrong rule never gets there.
   */
  readonly searchesToTie: number | null;
}

export interface Exactness {
  readonly recipe: string;
  readonly differences: readonly Difference[];
  readonly stable: { readonly same: number; readonly of: number };
  readonly unstable: { readonly same: number; readonly of: number };
  readonly mismatches: readonly Mismatch[];
  /** Largest difference of a log-probability on answers with equal ids. */
  readonly logProbDifference: number;
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
      // Other pixels are another question: nothing to look for.
      const searchesToTie = tensors
        ? await findTie(
            loaded,
            features.get(prompt.photo)!,
            prompt,
            answer,
            logitsTolerance(golden),
          )
        : null;
      mismatches.push({ answer, got: got!.ids, searchesToTie });
      continue;
    }
    count.same += 1;
    for (const [i, wanted] of (answer.log_probs ?? []).entries()) {
      const difference = Math.abs(got!.logProbs[i]! - wanted);
      logProbDifference = Math.max(logProbDifference, difference);
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
    logProbDifference,
    batches,
  };
}

/** Stable answers that differ, and by more than a near tie. */
export function clearMismatches({
  mismatches,
}: Exactness): readonly Mismatch[] {
  return mismatches.filter(
    ({ answer, searchesToTie }) => answer.stable && searchesToTie === null,
  );
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
    `log-prob ${result.logProbDifference.toExponential(1)}`,
  ].join(" | ");
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

type Settings = Omit<AnswerGolden, "prompt" | "ids" | "stable">;

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

/** Largest difference of a logit that counts as none. */
function logitsTolerance(golden: ModelGolden): number {
  return Math.max(
    ...golden.tensors.map(({ logits: { noise, std } }) =>
      Math.max(1e-3 * std, 4 * noise),
    ),
  );
}

/** See `Mismatch.searchesToTie`. */
async function findTie(
  { model, manifest }: LoadedModel,
  features: Features,
  prompt: PromptGolden,
  answer: AnswerGolden,
  tolerance: number,
): Promise<number | null> {
  for (let search = 1; search <= MOST_SEARCHES; search += 1) {
    const state = await model.start([{ features, ids: prompt.ids }]);
    try {
      const moved = moveLogits(state, tolerance, search);
      const [got] = await generate(moved, [0], settingsOf(manifest, answer));
      if (sameIds(got!.ids, answer.ids)) return search;
    } finally {
      await state.dispose();
    }
  }
  return null;
}

const MOST_SEARCHES = 100;

/** The same state, each choice's log-probability moved by up to `most`. */
function moveLogits(
  state: DecodingState,
  most: number,
  seed: number,
): DecodingState {
  let random = seed;
  const move = (): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return (random / 2 ** 31 - 1) * most;
  };
  return {
    ...state,
    async step(rows, options) {
      // More than asked for: one just behind may come forward.
      const wide = rows.map((row) => ({ ...row, best: row.best * 2 + 2 }));
      const results = await state.step(wide, options);
      return results.map((result, at) => ({
        ...result,
        best: result.best
          .map(({ id, logProb }) => ({ id, logProb: logProb + move() }))
          .sort((a, b) => b.logProb - a.logProb)
          .slice(0, rows[at]!.best),
      }));
    },
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
