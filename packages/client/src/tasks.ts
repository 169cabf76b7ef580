// The tasks as requests name them.

import type {
  CaptionDetailedTask,
  CaptionFullTask,
  CaptionTask,
  ClassifyRegionsTask,
  DenseCaptionTask,
  DescribeRegionsTask,
  DetectOpenTask,
  DetectTask,
  GroundTask,
  OcrLinesTask,
  OcrRegionsTask,
  OcrTask,
  ProposeTask,
  SegmentRegionsTask,
  SegmentTask,
  Regions,
} from "./schemas.ts";

/** One task of a request. */
export type TaskRequest =
  | CaptionTask
  | CaptionDetailedTask
  | CaptionFullTask
  | DetectTask
  | DetectOpenTask
  | GroundTask
  | DenseCaptionTask
  | ProposeTask
  | SegmentTask
  | SegmentRegionsTask
  | ClassifyRegionsTask
  | DescribeRegionsTask
  | OcrRegionsTask
  | OcrTask
  | OcrLinesTask;

/** A task as paths and lists spell it. */
export type TaskName =
  TaskRequest["task"] | "caption:detailed" | "caption:full" | "ocr:lines";

/** Fields of a single task; which it takes depends on the task. */
export interface TaskFields {
  readonly id?: string;
  readonly phrase?: string;
  readonly labels?: readonly string[];
  readonly regions?: Regions;
}
