// How far one precision of a model answers as another does: steps of the
// reference's own answers are replayed, and the first choice at each compared;
// then each answers for itself, and answers and boxes are compared.

import { answerPrompts } from "../shared/analyze/answer-prompts.ts";
import { planTask } from "../shared/analyze/plan-tasks.ts";
import {
  hintsOf,
  placesOf,
  sightOf,
  wordsOf,
} from "../shared/analyze/prompt-hints.ts";
import { nextTokenRule } from "../shared/generate/processors.ts";
import { decodeImage, type ImageCodecs } from "../shared/image/decode-image.ts";
import type { RgbImage } from "../shared/image/rgb-image.ts";
import type { Features } from "../shared/model/model.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import type { Answer } from "../shared/parse/answer.ts";
import { parseTask, type TaskRequest } from "../shared/tasks/index.ts";
import {
  compareBoxes,
  NO_BOXES,
  addBoxes,
  type BoxAgreement,
} from "./agreement-boxes.ts";
import { readPhotoBytes, type LabeledBox, type Photo } from "./photo-set.ts";

/** Tokens an answer may have; the longest are lists of objects. */
const MAX_TOKENS = 256;
/** Boxes and their IoU do not depend on the picture's own sides. */
const WHOLE = { width: 1, height: 1 };

/** What the reference said to one prompt, greedily. */
export interface ReferenceAnswer {
  readonly request: TaskRequest;
  /** Its ids, `<s>` and `</s>` included. */
  readonly prompt: readonly number[];
  /** Ids without the decoder start token. */
  readonly ids: readonly number[];
  /** Whether the vision side wrote it: then there are no steps to replay. */
  readonly isTold: boolean;
  /** What its towers saw, as tokens; empty for a model without hints. */
  readonly hintIds: readonly number[];
  /** Whether matches with the prompt's words are marked in them. */
  readonly isForWords: boolean;
  /** What the task makes of it, corners from 0 to 1; none of a caption. */
  readonly boxes: readonly LabeledBox[];
}

/** What the reference said of one photo. */
export interface ReferenceAnswers {
  /** Key of the photo. */
  readonly key: string;
  readonly answers: readonly ReferenceAnswer[];
}

/** Steps and answers, and how many of them are the reference's. */
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
  /** By task: the boxes each found for itself. */
  readonly boxes: Readonly<Record<"detect" | "ground", BoxAgreement>>;
}

/**
 * Answers `caption`, `detect`, and `ground` with that caption as the phrase,
 * on each photo, greedily; `detect` as the vision side tells it, where it does.
 */
export async function referenceAnswers(
  loaded: LoadedModel,
  codecs: ImageCodecs,
  folder: string,
  photos: readonly Photo[],
): Promise<readonly ReferenceAnswers[]> {
  const references: ReferenceAnswers[] = [];
  for (const photo of photos) {
    const image = await readPhoto(codecs, folder, photo);
    const first = await answerAll(loaded, image, [{ task: "caption" }]);
    const ids = first[0]!.answer.ids;
    const phrase = loaded.tokenizer.decode(ids).trim() || "anything";
    const requests = [
      { task: "caption" },
      { task: "detect" },
      { task: "ground", phrase: phrase.slice(0, 512) },
    ];
    const answered = await answerAll(loaded, image, requests);
    references.push({
      key: photo.key,
      answers: answered.map(({ request, features, prompt, answer, boxes }) => {
        const sight = sightOf({ features, ids: prompt });
        return {
          request,
          prompt,
          ids: answer.ids,
          isTold: sight?.answer !== undefined,
          hintIds: sight?.hintIds ?? features.hintIds,
          isForWords: sight?.isForWords ?? false,
          boxes,
        };
      }),
    });
  }
  return references;
}

/**
 * Compares another precision of the same weights with the reference.
 *
 * Steps are replayed teacher-forced; forced tokens are no choice and are not
 * counted, nor are answers the vision side wrote. An answer of a task with
 * boxes is the same if its boxes are, with their labels and in their order.
 */
export async function measureAgreement(
  loaded: LoadedModel,
  codecs: ImageCodecs,
  folder: string,
  photos: readonly Photo[],
  references: readonly ReferenceAnswers[],
  onPhoto: (done: number) => void = () => undefined,
): Promise<Agreements> {
  const whole: Replayed[] = [];
  const text: Replayed[] = [];
  const boxes = { detect: NO_BOXES, ground: NO_BOXES };
  let seesHintsAlone = true;
  for (const [index, { key, answers }] of references.entries()) {
    const photo = photos.find((one) => one.key === key);
    if (photo === undefined) {
      throw new Error(`internal: ${key} is not among the photos`);
    }
    const image = await readPhoto(codecs, folder, photo);
    const requests = answers.map(({ request }) => request);
    const own = await answerAll(loaded, image, requests);
    const features = own[0]!.features;
    const asked = own.map(({ prompt }, at) => ({
      prompt,
      ids: answers[at]!.isTold ? [] : answers[at]!.ids,
    }));
    const steps = await replay(loaded, features, asked);
    for (const [at, reference] of answers.entries()) {
      const { answer, boxes: found } = own[at]!;
      const { task } = reference.request;
      const isSame =
        task === "caption"
          ? String(answer.ids) === String(reference.ids)
          : JSON.stringify(found) === JSON.stringify(reference.boxes);
      whole.push({ steps: steps[at]!, isSame });
      if (task === "detect" || task === "ground") {
        const compared = compareBoxes(reference.boxes, found);
        boxes[task] = addBoxes(boxes[task], compared);
      }
    }
    seesHintsAlone &&= features.tokens === 0;
    if (seesHintsAlone) {
      const seen = withHints(features, answers, asked);
      const alone = await replay(loaded, seen, asked);
      text.push(
        ...alone
          .filter((same) => same.length > 0)
          .map((same) => ({ steps: same, isSame: same.every(Boolean) })),
      );
    }
    onPhoto(index + 1);
  }
  return {
    whole: count(whole),
    text: seesHintsAlone ? count(text) : null,
    boxes,
  };
}

/** What to print of it, in words. */
export function describeAgreement(agreement: Agreement): string {
  const { steps, sameSteps, answers, sameAnswers } = agreement;
  const percent = (part: number, of: number) =>
    `${((100 * part) / of).toFixed(1)} % (${String(part)} of ${String(of)})`;
  return `same first choice at ${percent(sameSteps, steps)} of steps, ${percent(sameAnswers, answers)} of answers identical`;
}

interface Replayed {
  /** For each step that is a choice, whether it is the reference's. */
  readonly steps: readonly boolean[];
  readonly isSame: boolean;
}

function count(answers: readonly Replayed[]): Agreement {
  const steps = answers.flatMap((answer) => answer.steps);
  return {
    steps: steps.length,
    sameSteps: steps.filter(Boolean).length,
    answers: answers.length,
    sameAnswers: answers.filter(({ isSame }) => isSame).length,
  };
}

interface AskedPrompt {
  /** `<s>` and `</s>` included. */
  readonly prompt: readonly number[];
  /** The reference's; none if there is nothing to replay. */
  readonly ids: readonly number[];
}

/** The same, as if the towers had seen what the reference's saw. */
export function withHints(
  features: Features,
  answers: readonly ReferenceAnswer[],
  asked: readonly AskedPrompt[],
): Features {
  return {
    ...features,
    sights: asked.map(({ prompt }, at) => {
      const { hintIds, isForWords } = answers[at]!;
      return { prompt, hintIds, isForWords };
    }),
  };
}

/** For each answer, for each step that is a choice, whether it is the same. */
export async function replay(
  loaded: LoadedModel,
  features: Features,
  asked: readonly AskedPrompt[],
): Promise<boolean[][]> {
  const spec = loaded.manifest.generation;
  const same = asked.map((): boolean[] => []);
  const prompts = asked.map(({ prompt }) => ({ features, ids: prompt }));
  const places = prompts.map((prompt) => placesOf(prompt, loaded));
  const words = prompts.map((prompt) => wordsOf(prompt, loaded));
  const state = await loaded.model.start(
    prompts.map(({ ids }) => {
      const hintIds = hintsOf({ features, ids }, loaded);
      return { features: { ...features, hintIds }, ids };
    }),
  );
  try {
    let parents = new Map<number, number>(); // prompt -> row of the last step
    const longest = Math.max(...asked.map(({ ids }) => ids.length));
    for (let step = 0; step < longest; step += 1) {
      const running = [...asked.keys()].filter(
        (prompt) => step < asked[prompt]!.ids.length,
      );
      const rules = running.map((prompt) => {
        const ids = asked[prompt]!.ids.slice(0, step);
        const prefix = [spec.decoder_start_token_id, ...ids];
        const rule = nextTokenRule(prefix, MAX_TOKENS + 1, spec);
        const banned = [...rule.banned, ...(places[prompt]?.(ids) ?? [])];
        const allowed = words[prompt]?.(prefix) ?? undefined;
        return { prefix, forced: rule.forced, banned, allowed };
      });
      const results = await state.step(
        running.map((prompt, row) => ({
          prompt,
          parent: parents.get(prompt) ?? -1,
          tokenId: rules[row]!.prefix.at(-1)!,
          best: 1,
          banned: rules[row]!.banned,
          ...(rules[row]!.allowed && { allowed: rules[row]!.allowed }),
        })),
      );
      for (const [row, prompt] of running.entries()) {
        if (rules[row]!.forced !== null) continue;
        const choice = results[row]!.best[0]?.id;
        same[prompt]!.push(choice === asked[prompt]!.ids[step]);
      }
      parents = new Map(running.map((prompt, row) => [prompt, row]));
    }
  } finally {
    await state.dispose();
  }
  return same;
}

interface OwnAnswer {
  readonly request: TaskRequest;
  readonly features: Features;
  readonly prompt: readonly number[];
  readonly answer: Answer;
  readonly boxes: readonly LabeledBox[];
}

/** One vision pass, and an answer to each request. */
async function answerAll(
  loaded: LoadedModel,
  image: RgbImage,
  requests: readonly object[],
): Promise<readonly OwnAnswer[]> {
  const { manifest, tokenizer, model } = loaded;
  const planned = requests.map((request, index) => {
    const plan = planTask(parseTask(request, ""), index, {
      ...{ manifest, tokenizer, image: WHOLE, scale: WHOLE, isTiled: false },
      warn: () => undefined,
    });
    if ("error" in plan) throw plan.error;
    return { ...plan, prompt: plan.prompts[0]! };
  });
  const prompts = planned.map(({ prompt }) => prompt);
  const [features] = await model.encode([image], { prompts: [prompts] });
  const answers: Answer[] = [];
  await answerPrompts(
    loaded,
    prompts.map((ids) => ({ features: features!, ids, labels: null })),
    {
      numBeams: 1,
      maxTokens: MAX_TOKENS,
      maxWrittenTokens: Number.POSITIVE_INFINITY,
      onToken: () => undefined,
      onAnswer: (prompt, { answer }) => {
        answers[prompt] = answer;
      },
      onError: (_, error) => {
        throw error;
      },
    },
  );
  return planned.map(({ request, task, prompt }, index) => {
    const answer = answers[index]!;
    const { spelling } = task;
    const result = task.finish([answer], {
      ...{ request, tokenizer, image: WHOLE, scale: WHOLE },
      threshold: manifest.thresholds[spelling] ?? null,
      minScore: manifest.min_scores?.[spelling] ?? 0,
      includeRaw: false,
      resultId: "",
    });
    return { request, features: features!, prompt, answer, boxes: boxesOf(result) }; // prettier-ignore
  });
}

function boxesOf(result: object): LabeledBox[] {
  if (!("objects" in result)) return [];
  const objects = result.objects as readonly {
    readonly label?: string;
    readonly phrase?: string;
    readonly box: LabeledBox["box"];
  }[];
  return objects.map(({ label, phrase, box }) => {
    return { label: label ?? phrase ?? "", box };
  });
}

/** A photo of the set. */
export async function readPhoto(
  codecs: ImageCodecs,
  folder: string,
  photo: Photo,
): Promise<RgbImage> {
  return (await decodeImage(await readPhotoBytes(folder, photo), codecs)).image;
}
