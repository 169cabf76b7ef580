// The model in the box as the script carries it: its manifest and its graphs.
// One import for each graph the manifest names with weights of its own files; a
// test holds them together.

import decoder from "../../models/box/bundle/decoder.onnx";
import encoder from "../../models/box/bundle/encoder.onnx";
import manifest from "../../models/box/bundle/manifest.json";
import classifier from "../../models/box/bundle/tower.efficientnet_lite2.onnx";
import detector from "../../models/box/bundle/tower.yolox_nano.onnx";
import { parseManifest } from "../../src/shared/model/manifest.ts";
import type { ScriptFiles } from "./assets-bundle.ts";

/** Weights, tokenizer and graphs that carry their weights are static assets. */
export const BOX_MODEL: ScriptFiles = {
  manifest: parseManifest(manifest),
  graphs: {
    "decoder.onnx": decoder,
    "encoder.onnx": encoder,
    "tower.efficientnet_lite2.onnx": classifier,
    "tower.yolox_nano.onnx": detector,
  },
};
