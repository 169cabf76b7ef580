// What the data engine gives to its command.

export {
  annotate,
  type AnnotateOptions,
  type AnnotateReport,
} from "./annotate/annotate.ts";
export { compose, type ComposeOptions } from "./compose/compose.ts";
export { renderText, type RenderTextOptions } from "./compose/render-text.ts";
export {
  writeContactSheet,
  type SheetOptions,
} from "./contact-sheet/contact-sheet.ts";
export { filter, type FilterRun } from "./filter/filter.ts";
export {
  parseFilterOptions,
  type FilterOptions,
} from "./filter/filter-options.ts";
export { summarize, summaryLines, type Summary } from "./filter/summary.ts";
export {
  dataEngineSchema,
  SCHEMA_NAMES,
  type SchemaName,
} from "./json-schemas.ts";
export type { HalfLine } from "../node/journal.ts";
export {
  refine,
  type RefineOptions,
  type RoundReport,
} from "./refine/refine.ts";
export {
  parseBundleTasks,
  parseSpecialist,
} from "./specialists/parse-specialist.ts";
export type { SpecialistSpec } from "./specialists/specialist.ts";
