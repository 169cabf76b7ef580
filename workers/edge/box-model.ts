// The model in the box as the script carries it: its manifest and its graphs.
// One import for each graph the manifest names with weights of its own files; a
// test holds them together.

import decoder from "../../models/box/bundle/decoder.onnx";
import encoder from "../../models/box/bundle/encoder.onnx";
import manifest from "../../models/box/bundle/manifest.json";
import classifier from "../../models/box/bundle/tower.efficientnet_lite2.onnx";
import detector from "../../models/box/bundle/tower.yolox_nano.onnx";
import {
  parseManifest,
  type Manifest,
} from "../../src/shared/model/manifest.ts";
import type { ScriptFiles } from "./assets-bundle.ts";

/** Tasks that the reader answers. */
const READ: ReadonlySet<string> = new Set(["ocr", "ocr:lines", "ocr_regions"]);

/** Weights, tokenizer and graphs that carry their weights are static assets. */
export const BOX_MODEL: ScriptFiles = {
  manifest: withoutReader(parseManifest(manifest)),
  graphs: {
    "decoder.onnx": decoder,
    "encoder.onnx": encoder,
    "tower.efficientnet_lite2.onnx": classifier,
    "tower.yolox_nano.onnx": detector,
  },
};

/**
 * The model as far as an isolate holds it: the reader's graphs find no room
 * beside the others in 96 MiB. Text is for another engine.
 */
function withoutReader(whole: Manifest): Manifest {
  return { ...whole, tasks: whole.tasks.filter((task) => !READ.has(task)) };
}
