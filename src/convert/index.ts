// What the room of the converter gives to others.

export type { ConvertProgress } from "./bundle-writer.ts";
export {
  convertCheckpoint,
  type ConvertedModel,
  type ConvertOptions,
} from "./convert-checkpoint.ts";
export { inspectBundle, type BundleDescription } from "./inspect.ts";
export {
  pullRepository,
  type PulledRepository,
  type PullOptions,
  type PullProgress,
} from "./pull.ts";
