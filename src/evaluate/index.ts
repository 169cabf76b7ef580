// What the command line uses: a run over a data set.

export {
  evaluate,
  type EvaluateOptions,
  type Evaluation,
} from "./run/evaluate.ts";
export { MEASURES } from "./measures/table.ts";
export type { BundleSummary, EvaluationSummary } from "./summary/summary.ts";
export type { FigureSummary, MeasureSummary } from "./summary/summarize.ts";
