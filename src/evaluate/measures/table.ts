// The table of measures. Adding one is one file and one line here.

import { answering } from "./answering.ts";
import { captioning } from "./captioning.ts";
import { detecting } from "./detecting.ts";
import { grounding } from "./grounding.ts";
import type { Measure } from "./measure.ts";
import { proposing } from "./proposing.ts";
import { readingLines, readingText } from "./reading.ts";
import { labelGrounding, referring } from "./referring.ts";
import { regionNaming } from "./region-naming.ts";
import { referringSegmentation, regionSegmentation } from "./segmenting.ts";

/** All measures, in the order of the report. */
export const MEASURES: readonly Measure[] = [
  captioning,
  detecting,
  proposing,
  grounding,
  referring,
  labelGrounding,
  referringSegmentation,
  regionSegmentation,
  regionNaming,
  readingText,
  readingLines,
  answering,
];
