// What the command line uses: a run over a data set.

export {
  evaluate,
  type EvaluateOptions,
  type Evaluation,
} from "./run/evaluate.ts";
export { MEASURES } from "./measures/table.ts";
export type { BundleSummary, EvaluationSummary } from "./summary/summary.ts";
export type { FigureSummary, MeasureSummary } from "./summary/summarize.ts";
export { PAPER_MODELS, PAPER_NOTES } from "./paper/paper-rows.ts";
export {
  paperTable,
  readRun,
  type Measured,
  type RunSummary,
} from "./paper/paper-table.ts";
