// What `filter` holds annotations to.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import {
  fieldErrors,
  isUnknownField,
  unknownFieldDetail,
} from "../../shared/schema/field-errors.ts";

const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A bound for each level of text. */
function byLevel(brief: number, detailed: number, moreDetailed: number) {
  return v.optional(
    v.strictObject({
      brief: v.optional(Count, brief),
      detailed: v.optional(Count, detailed),
      more_detailed: v.optional(Count, moreDetailed),
    }),
    {},
  );
}

/** Options with their defaults. What people said is held to none of them. */
export const FilterOptionsSchema = v.strictObject({
  /** Regions of a lower score go. */
  minScore: v.optional(Share, 0.25),
  /** Specialists' regions from this score on stay although nobody agrees. */
  sureScore: v.optional(Share, 0.5),
  /** Regions a bundle finds again in as many of the other views stay as well. */
  sureStability: v.optional(Share, 0.75),
  /** Lines of writing of a lower score go: readers see letters in textures. */
  minWritingScore: v.optional(Share, 0.8),
  /** Tags of a lower score are no evidence. */
  minTagScore: v.optional(Share, 0.5),
  /** Regions with a shorter side, in pixels, go. */
  minSidePx: v.optional(Count, 8),
  /** Regions of one name that overlap more are one thing. */
  nmsIou: v.optional(Share, 0.6),
  /** Regions of two sources that overlap as much may agree. */
  agreementIou: v.optional(Share, 0.5),
  /** Voices that must say so, the region's own among them. */
  minAgreement: v.optional(Count, 2),
  /** Sources that are one voice, since one copies the other. */
  sameVoice: v.optional(v.array(v.array(v.string())), []),
  /** Noun phrases of a text, pronouns left out. */
  maxObjects: byLevel(8, 20, 40),
  /** Degree of its busiest noun plus that of its busiest verb. */
  minComplexity: byLevel(1, 2, 3),
  /** Photos whose hashes differ in no more bits are copies. */
  duplicateBits: v.optional(Count, 4),
  /** Splits that no other photo may be a copy of. */
  protectedSplits: v.optional(v.array(v.string()), ["test"]),
});

export type FilterOptions = v.InferOutput<typeof FilterOptionsSchema>;

/**
 * Options as JSON says them, with the defaults for what it leaves out.
 *
 * @throws FlorenceError `invalid_request` with every faulty field.
 */
export function parseFilterOptions(input: unknown): FilterOptions {
  const parsed = v.safeParse(FilterOptionsSchema, input);
  if (parsed.success) return parsed.output;
  const errors = fieldErrors(parsed.issues, "", (issue) =>
    isUnknownField(issue)
      ? unknownFieldDetail(issue, Object.keys(FilterOptionsSchema.entries))
      : null,
  );
  throw new FlorenceError(
    "invalid_request",
    `The filter's options are not valid: ${errors[0]?.pointer ?? ""} ${errors[0]?.detail ?? ""}.`,
    { errors },
  );
}
