// What a model must get on photos it never saw, and what it gets.

import { analyze, type AnalyzeInput } from "../shared/analyze/analyze.ts";
import { intersectionOverUnion } from "../shared/geometry.ts";
import { decodeImage, type ImageCodecs } from "../shared/image/decode-image.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import { parseAnalyzeRequest } from "../shared/schema/analysis.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import { ciderD } from "./metrics/cider.ts";
import { namesThing } from "./names-thing.ts";
import {
  readPhotoBytes,
  trueBoxes,
  type LabeledBox,
  type Photo,
  type Synonyms,
} from "./photo-set.ts";
import { ptbTokenize } from "./metrics/ptb-tokenize.ts";

/** Photos answered at the same time, each on one thread of the runtime. */
export const PHOTOS_AT_ONCE = 2;

/** Least overlap of an answer's box with a person's. */
const BOX_OVERLAP = 0.5;

/** What the model said of one photo. */
export interface PhotoAnswers {
  readonly photo: Photo;
  /** `""` if it was not asked. */
  readonly caption: string;
  /** Corners from 0 to 1; none if it was not asked. */
  readonly objects: readonly LabeledBox[];
}

/** One line of the table. */
export interface Figure {
  readonly name: string;
  /** Photos it is measured on. */
  readonly photos: number;
  readonly value: number;
  readonly bound: "at least" | "at most" | "above";
  readonly floor: number;
}

/** Whether a figure keeps its bound. */
export function keepsFloor({ value, bound, floor }: Figure): boolean {
  if (bound === "at most") return value <= floor;
  return bound === "above" ? value > floor : value >= floor;
}

/**
 * Asks a model about photos: for a caption with the bundle's own number of
 * beams where the photo is in the noun or the caption set, for objects
 * greedily where it is in the box set.
 *
 * @param loaded opened with one thread, as two photos are answered at a time.
 * @throws FlorenceError what kept a photo from being answered.
 */
export async function answerPhotos(
  loaded: LoadedModel,
  codecs: ImageCodecs,
  folder: string,
  photos: readonly Photo[],
  onAnswer: (done: number) => void = () => undefined,
): Promise<readonly PhotoAnswers[]> {
  const answers = new Array<PhotoAnswers>(photos.length);
  const queue = photos.entries();
  let done = 0;
  const work = async (): Promise<void> => {
    for (const [at, photo] of queue) {
      const bytes = await readPhotoBytes(folder, photo);
      const image = await decodeImage(bytes, codecs);
      answers[at] = await answerPhoto(loaded, photo, { image, bytes });
      done += 1;
      onAnswer(done);
    }
  };
  await Promise.all(Array.from({ length: PHOTOS_AT_ONCE }, work));
  return answers;
}

async function answerPhoto(
  loaded: LoadedModel,
  photo: Photo,
  input: Pick<AnalyzeInput, "image" | "bytes">,
): Promise<PhotoAnswers> {
  const ask = async (task: "caption" | "detect", beams: number) => {
    const { tasks, options } = parseAnalyzeRequest({
      tasks: [{ task }],
      options: { beams, coordinates: "normalized" },
    });
    const request = { ...input, tasks, options };
    return (await analyze(loaded, request, NODE_PLATFORM)).results[0];
  };
  const { num_beams } = loaded.manifest.generation;
  let caption = "";
  let objects: readonly LabeledBox[] = [];
  if (photo.sets.includes("noun") || photo.sets.includes("captions")) {
    const result = await ask("caption", num_beams);
    if (result?.task === "caption" && "text" in result) caption = result.text;
  }
  if (photo.sets.includes("boxes")) {
    const result = await ask("detect", 1);
    if (result?.task === "detect" && "objects" in result) {
      objects = result.objects;
    }
  }
  return { photo, caption, objects };
}

/**
 * The figures of the first model's floors: nouns named and the share of the
 * commonest caption, photos with a rightly labelled box, CIDEr-D.
 *
 * A noun is the last of a photo's labels, or a synonym. A box is right if it
 * has the label of a person's box and overlaps it by half (intersection over
 * union 0.5). CIDEr-D takes all references of a photo, document frequency from
 * the references of these photos, and pycocoevalcap's scale: people get about 1.
 */
export function toFigures(
  answers: readonly PhotoAnswers[],
  synonyms: Synonyms,
): readonly Figure[] {
  const inSet = (set: Photo["sets"][number]) =>
    answers.filter(({ photo }) => photo.sets.includes(set));

  const nouns = inSet("noun");
  const named = nouns.filter(({ photo, caption }) =>
    namesThing(caption, photo.labels.at(-1) ?? "", synonyms),
  );
  const times = new Map<string, number>();
  for (const { caption } of nouns) {
    times.set(caption, (times.get(caption) ?? 0) + 1);
  }
  const commonest = Math.max(0, ...times.values());

  const boxed = inSet("boxes");
  const hit = boxed.filter(({ photo, objects }) =>
    objects.some((object) => isRight(object, trueBoxes(photo))),
  );

  const captioned = inSet("captions");
  const cider = ciderD(
    captioned.map(({ photo, caption }) => ({
      candidate: ptbTokenize(caption),
      references: photo.captions.map(ptbTokenize),
    })),
  );

  return [
    {
      name: "the right noun in the caption",
      photos: nouns.length,
      value: named.length / nouns.length,
      bound: "at least",
      floor: 0.5,
    },
    {
      name: "the commonest caption's share",
      photos: nouns.length,
      value: commonest / nouns.length,
      bound: "at most",
      floor: 0.05,
    },
    {
      name: "a rightly labelled box at IoU 0.5",
      photos: boxed.length,
      value: hit.length / boxed.length,
      bound: "at least",
      floor: 0.3,
    },
    {
      name: "CIDEr-D",
      photos: captioned.length,
      value: cider.mean,
      bound: "above",
      floor: 0.45,
    },
  ];
}

function isRight(object: LabeledBox, truth: readonly LabeledBox[]): boolean {
  return truth.some(
    ({ label, box }) =>
      label === object.label &&
      intersectionOverUnion(box, object.box) >= BOX_OVERLAP,
  );
}
