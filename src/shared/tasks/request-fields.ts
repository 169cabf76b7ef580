// Fields that requests of several tasks share. Limits are part of the schema
// and of its messages.

import * as v from "valibot";

/** What a caller calls a task or a region; comes back with its result. */
export const RequestId = v.exactOptional(
  v.pipe(
    v.string(),
    v.minLength(1, "1 to 64 characters"),
    v.maxLength(64, "1 to 64 characters"),
  ),
);

/** A phrase to look for. */
export const Phrase = v.pipe(
  v.string("required, a text of 1 to 512 characters"),
  v.trim(),
  v.minLength(1, "1 to 512 characters, blanks at the ends not counted"),
  v.maxLength(512, "1 to 512 characters, blanks at the ends not counted"),
);

const Label = v.pipe(
  v.string("1 to 128 characters"),
  v.trim(),
  v.minLength(1, "1 to 128 characters, blanks at the ends not counted"),
  v.maxLength(128, "1 to 128 characters, blanks at the ends not counted"),
);

/** Closed labels: 1 to 32, all different. */
export const Labels = v.pipe(
  v.array(Label, "required, 1 to 32 strings"),
  v.minLength(1, "1 to 32 strings"),
  v.maxLength(32, "1 to 32 strings"),
  v.check(
    (labels) => new Set(labels.map(normalizeLabel)).size === labels.length,
    "the labels must differ in more than case and blanks",
  ),
);

/** A box in the unit of `options.coordinates`; its corners are checked later. */
const RequestBox = v.strictObject({
  x_min: v.number(),
  y_min: v.number(),
  x_max: v.number(),
  y_max: v.number(),
});

const Region = v.strictObject({ id: RequestId, box: RequestBox });

/** 1 to 64 regions of the image. */
export const Regions = v.pipe(
  v.array(Region, 'required, 1 to 64 of {"id"?, "box"}'),
  v.minLength(1, "1 to 64 regions"),
  v.maxLength(64, "1 to 64 regions"),
);

export type Region = v.InferOutput<typeof Region>;

/** The form in which two labels are the same label. */
export function normalizeLabel(label: string): string {
  return label.normalize("NFC").toLowerCase().replace(/\s+/gu, " ").trim();
}
