// How far one precision of a model answers as another does: steps of the
// reference's own answers are replayed, and the first choice at each compared.

import { nextTokenRule } from "../shared/generate/processors.ts";
import { generate } from "../shared/generate/generate.ts";
import { decodeImage, type ImageCodecs } from "../shared/image/decode-image.ts";
import type { Features } from "../shared/model/model.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import { findTask } from "../shared/tasks/index.ts";
import { promptIds } from "../shared/tasks/task.ts";
import { readPhotoBytes, type Photo } from "./photo-set.ts";

/** Tasks whose answers are compared; both have a prompt without input. */
export const COMPARED_TASKS = ["caption", "detect"] as const;

/** Tokens an answer may have; the longest are lists of objects. */
const MAX_TOKENS = 256;

/** What the reference said, greedily. */
export interface ReferenceAnswers {
  /** Key of the photo. */
  readonly key: string;
  /** What its towers saw, as tokens; empty for a model without hints. */
  readonly hintIds: readonly number[];
  /** For each of `COMPARED_TASKS`, ids without the decoder start token. */
  readonly answers: readonly (readonly number[])[];
}

/** Shares from 0 to 1, and of how many. */
export interface Agreement {
  readonly steps: number;
  /** Steps at which the first choice is the reference's token. */
  readonly sameSteps: number;
  readonly answers: number;
  /** Answers that are the reference's from beginning to end. */
  readonly sameAnswers: number;
}

/** How far a model agrees, with its own eyes and with the reference's. */
export interface Agreements {
  /** The whole model, its towers too. */
  readonly whole: Agreement;
  /**
   * The text part alone, over the hints the reference saw; null for a model
   * that is given more than hints.
   */
  readonly text: Agreement | null;
}

/** Answers the compared tasks on each photo, greedily. */
export async function referenceAnswers(
  loaded: LoadedModel,
  codecs: ImageCodecs,
  folder: string,
  photos: readonly Photo[],
): Promise<readonly ReferenceAnswers[]> {
  const references: ReferenceAnswers[] = [];
  for (const photo of photos) {
    const features = await seePhoto(loaded, codecs, folder, photo);
    const state = await loaded.model.start(comparedPrompts(loaded, features));
    try {
      const prompts = COMPARED_TASKS.map((_, prompt) => prompt);
      const answers = await generate(state, prompts, {
        spec: loaded.manifest.generation,
        numBeams: 1,
        maxTokens: MAX_TOKENS,
      });
      references.push({
        key: photo.key,
        hintIds: features.hintIds,
        answers: answers.map(({ ids }) => ids),
      });
    } finally {
      await state.dispose();
    }
  }
  return references;
}

/**
 * Replays the reference's answers (teacher-forced) on another model of the
 * same weights. Forced tokens are no choice and are not counted. As greedy
 * search takes the first choice, an answer all of whose steps agree is the
 * answer the other model gives.
 */
export async function measureAgreement(
  loaded: LoadedModel,
  codecs: ImageCodecs,
  folder: string,
  photos: readonly Photo[],
  references: readonly ReferenceAnswers[],
): Promise<Agreements> {
  const whole: boolean[][] = [];
  const text: boolean[][] = [];
  let seesHintsAlone = true;
  for (const { key, hintIds, answers } of references) {
    const photo = photos.find((one) => one.key === key);
    if (photo === undefined) {
      throw new Error(`internal: ${key} is not among the photos`);
    }
    const features = await seePhoto(loaded, codecs, folder, photo);
    whole.push(...(await replay(loaded, features, answers)));
    seesHintsAlone &&= features.tokens === 0;
    if (!seesHintsAlone) continue;
    text.push(...(await replay(loaded, { ...features, hintIds }, answers)));
  }
  return { whole: count(whole), text: seesHintsAlone ? count(text) : null };
}

function count(answers: readonly (readonly boolean[])[]): Agreement {
  const steps = answers.flat();
  return {
    steps: steps.length,
    sameSteps: steps.filter(Boolean).length,
    answers: answers.length,
    sameAnswers: answers.filter((same) => same.every(Boolean)).length,
  };
}

/** What to print of it, in words. */
export function describeAgreement(agreement: Agreement): string {
  const { steps, sameSteps, answers, sameAnswers } = agreement;
  const percent = (part: number, of: number) =>
    `${((100 * part) / of).toFixed(1)} % (${String(part)} of ${String(of)})`;
  return `same first choice at ${percent(sameSteps, steps)} of steps, ${percent(sameAnswers, answers)} of answers identical`;
}

/** For each answer, for each step that is a choice, whether it is the same. */
async function replay(
  loaded: LoadedModel,
  features: Features,
  answers: readonly (readonly number[])[],
): Promise<boolean[][]> {
  const spec = loaded.manifest.generation;
  const same = answers.map((): boolean[] => []);
  const state = await loaded.model.start(comparedPrompts(loaded, features));
  try {
    let parents = new Map<number, number>(); // prompt -> row of the last step
    const longest = Math.max(...answers.map((ids) => ids.length));
    for (let step = 0; step < longest; step += 1) {
      const running = [...answers.keys()].filter(
        (prompt) => step < (answers[prompt]?.length ?? 0),
      );
      const rules = running.map((prompt) => {
        const ids = answers[prompt]?.slice(0, step) ?? [];
        const prefix = [spec.decoder_start_token_id, ...ids];
        return { prefix, ...nextTokenRule(prefix, MAX_TOKENS + 1, spec) };
      });
      const results = await state.step(
        running.map((prompt, row) => ({
          prompt,
          parent: parents.get(prompt) ?? -1,
          tokenId: rules[row]?.prefix.at(-1) ?? spec.decoder_start_token_id,
          best: 1,
          banned: rules[row]?.banned ?? [],
        })),
      );
      for (const [row, prompt] of running.entries()) {
        if (rules[row]?.forced !== null) continue;
        const choice = results[row]?.best[0]?.id;
        same[prompt]?.push(choice === answers[prompt]?.[step]);
      }
      parents = new Map(running.map((prompt, row) => [prompt, row]));
    }
  } finally {
    await state.dispose();
  }
  return same;
}

async function seePhoto(
  loaded: LoadedModel,
  codecs: ImageCodecs,
  folder: string,
  photo: Photo,
): Promise<Features> {
  const { image } = await decodeImage(
    await readPhotoBytes(folder, photo),
    codecs,
  );
  const [features] = await loaded.model.encode([image]);
  if (features === undefined) throw new Error("internal: no features");
  return features;
}

function comparedPrompts({ tokenizer }: LoadedModel, features: Features) {
  return COMPARED_TASKS.map((spelling) => {
    const task = findTask(spelling);
    if (task === undefined) throw new Error(`internal: no task ${spelling}`);
    const [parts = []] = task.prompts(task.example, {
      tokenizer,
      image: { width: 1, height: 1 },
      scale: { width: 1, height: 1 },
      pointer: "/tasks/0",
    });
    return { features, ids: promptIds(parts, tokenizer) };
  });
}
