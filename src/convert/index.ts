// What the room of the converter gives to others.

export type { ConvertProgress } from "./bundle-writer.ts";
export {
  convertCheckpoint,
  type ConvertedModel,
  type ConvertOptions,
} from "./convert-checkpoint.ts";
