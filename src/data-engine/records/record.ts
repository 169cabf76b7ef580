// The lines of every phase: one photo with what is known of it. The schema is
// the single source; `florence data-engine schema` prints it as JSON Schema.

import * as v from "valibot";
import { ERROR_CODES } from "../../shared/errors.ts";

const Pixels = v.pipe(v.number(), v.finite());
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Name = v.pipe(v.string(), v.minLength(1));

/** `[x, y]` in pixels of the upright photo. */
export const PointSchema = v.tuple([Pixels, Pixels]);

/** Corners in pixels of the upright photo, sorted. */
export const BoxSchema = v.pipe(
  v.strictObject({
    x_min: Pixels,
    y_min: Pixels,
    x_max: Pixels,
    y_max: Pixels,
  }),
  v.check(
    ({ x_min, y_min, x_max, y_max }) => x_min <= x_max && y_min <= y_max,
    "x_min at most x_max, and y_min at most y_max",
  ),
);

/** A place in the photo. */
export const RegionSchema = v.strictObject({
  box: BoxSchema,
  /** Corners of a line of writing, clockwise from its own top left. */
  quad: v.exactOptional(
    v.tuple([PointSchema, PointSchema, PointSchema, PointSchema]),
  ),
  /** Open rings, the outline of the visible part. */
  polygons: v.exactOptional(
    v.array(v.pipe(v.array(PointSchema), v.minLength(3))),
  ),
});

/** How much a text tells: FLD-5B's three levels. */
export const LevelSchema = v.picklist(["brief", "detailed", "more_detailed"]);

/** Who said it. */
export const SourceSchema = v.strictObject({
  kind: v.picklist(["human", "specialist", "bundle", "composite"]),
  /** `human`, a specialist's name, or a bundle's id. */
  id: Name,
  /** Hash of the file that said it, and of how it was asked. */
  revision: v.string(),
});

const common = {
  /** Unique within the photo: the source's id and a number. */
  id: Name,
  source: SourceSchema,
  /** The source's own score; null where it gives none. */
  score: v.nullable(Share),
  /** Ids of other sources that said the same; from `filter` on. */
  agreed_by: v.exactOptional(v.array(Name)),
  /** Share of flipped and scaled views in which a bundle said it again. */
  stability: v.exactOptional(Share),
};

const text = { text: Name };

/** What a text annotation holds besides its provenance. */
export const TextBody = {
  kind: v.literal("text"),
  level: LevelSchema,
  ...text,
};

/** A region and what is said of it. */
export const RegionTextBody = {
  kind: v.literal("region_text"),
  /**
   * `object`: its name; `description`: a phrase; `writing`: the letters in it;
   * `salient`: it stands out, whatever it is.
   */
  about: v.picklist(["object", "description", "writing", "salient"]),
  ...text,
  region: RegionSchema,
};

/** A phrase of a text and the regions it speaks of. */
export const TripletBody = {
  kind: v.literal("triplet"),
  level: LevelSchema,
  ...text,
  phrase: Name,
  /** Where the phrase stands in the text: from and to in UTF-16 units. */
  span: v.tuple([
    v.pipe(v.number(), v.integer()),
    v.pipe(v.number(), v.integer()),
  ]),
  regions: v.pipe(v.array(RegionSchema), v.minLength(1)),
};

/**
 * What a classifier calls the whole photo. None of FLD-5B's kinds: evidence
 * other annotations are weighed by.
 */
export const TagBody = { kind: v.literal("tag"), ...text };

export const AnnotationSchema = v.variant("kind", [
  v.strictObject({ ...TextBody, ...common }),
  v.strictObject({ ...RegionTextBody, ...common }),
  v.strictObject({ ...TripletBody, ...common }),
  v.strictObject({ ...TagBody, ...common }),
]);

/** Why `filter` or `refine` took something out. */
export const REASONS = [
  "low_score",
  "too_small",
  "overlaps_better",
  "no_agreement",
  "no_name",
  "too_simple",
  "repeats_itself",
  "too_many_objects",
  "pronoun",
  "abstract_noun",
  "no_noun",
  "no_words",
  "model_disagrees",
  "near_duplicate",
  "split_leak",
  "undecodable",
] as const;

export const ReasonSchema = v.picklist(REASONS);

const Removal = v.strictObject({ reason: ReasonSchema, detail: v.string() });

/** The file and what its pixels are. */
export const PhotoFactsSchema = v.strictObject({
  /** Below the folder of photos, with `/` between. */
  path: Name,
  /** Size of the file. */
  bytes: v.pipe(v.number(), v.integer()),
  /** Of the file, lower-case hexadecimal. */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u)),
  /** Upright, in pixels. */
  width: v.pipe(v.number(), v.integer(), v.minValue(1)),
  height: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Difference hash, 64 bits in hexadecimal. */
  dhash: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/u)),
});

/** A photo and what is known of it. */
export const SeenPhotoSchema = v.strictObject({
  photo: PhotoFactsSchema,
  /** `train`, `test`, …; photos without one are in none. */
  split: v.exactOptional(Name),
  /** Source whose line this is, in the output of `annotate`. */
  by: v.exactOptional(SourceSchema),
  annotations: v.array(AnnotationSchema),
  /** Annotations that were taken out, and why. */
  removed: v.exactOptional(
    v.array(
      v.strictObject({ annotation: AnnotationSchema, ...Removal.entries }),
    ),
  ),
  /** Why the whole photo was taken out; its annotations stay readable. */
  dropped: v.exactOptional(Removal),
  /** What kept the source from answering. */
  problem: v.exactOptional(
    v.strictObject({
      code: v.picklist(ERROR_CODES),
      detail: v.string(),
    }),
  ),
});

/** A file that is no photo, or cannot be read. */
export const UnreadablePhotoSchema = v.strictObject({
  photo: v.strictObject({
    path: Name,
    bytes: v.pipe(v.number(), v.integer()),
  }),
  problem: v.strictObject({
    code: v.picklist(ERROR_CODES),
    detail: v.string(),
  }),
});

/** One line of any phase's JSONL. */
export const PhotoRecordSchema = v.union([
  SeenPhotoSchema,
  UnreadablePhotoSchema,
]);

export type Region = v.InferOutput<typeof RegionSchema>;
export type Level = v.InferOutput<typeof LevelSchema>;
export type Source = v.InferOutput<typeof SourceSchema>;
export type Annotation = v.InferOutput<typeof AnnotationSchema>;
export type TextAnnotation = Extract<Annotation, { kind: "text" }>;
export type RegionText = Extract<Annotation, { kind: "region_text" }>;
export type Triplet = Extract<Annotation, { kind: "triplet" }>;
export type Reason = (typeof REASONS)[number];
export type PhotoFacts = v.InferOutput<typeof PhotoFactsSchema>;
export type SeenPhoto = v.InferOutput<typeof SeenPhotoSchema>;
export type UnreadablePhoto = v.InferOutput<typeof UnreadablePhotoSchema>;
export type PhotoRecord = v.InferOutput<typeof PhotoRecordSchema>;
export type Removed = NonNullable<SeenPhoto["removed"]>[number];

/** Whether a line tells of a photo that could be read. */
export function isSeen(record: PhotoRecord): record is SeenPhoto {
  return "annotations" in record;
}
