// What the room of the converter gives to others.

export type { ConvertProgress } from "./bundle-writer.ts";
export {
  convertCheckpoint,
  type ConvertedModel,
  type ConvertOptions,
} from "./convert-checkpoint.ts";
export {
  featureNames,
  openFeatures,
  type FeatureExtractor,
  type FeatureName,
  type FeatureOptions,
} from "./features.ts";
export {
  EDGE_CHOICES,
  parseEdgeChoices,
  type EdgeChoices,
} from "./edge/edge-choices.ts";
export { inspectBundle, type BundleDescription } from "./inspect.ts";
export { encodeNpz, type FloatArray } from "./npz.ts";
export {
  pullRepository,
  type PulledRepository,
  type PullOptions,
  type PullProgress,
} from "./pull.ts";
