// What Node programs use: open a bundle, analyze a file.

export { analyzeFile, type FileRequest } from "./analyze-file.ts";
export { chooseDevice, DEVICES, type Device } from "./devices.ts";
export { loadImageCodecs } from "./image-codecs.ts";
export { MODEL_IN_THE_BOX } from "./model-in-the-box.ts";
export {
  createNodeSessions,
  type NodeSessionOptions,
} from "./onnxruntime-session.ts";
export { openBundle } from "./open-bundle.ts";
export { NODE_PLATFORM } from "./platform.ts";
export { NODE_RASTERIZER, rasterizeSvg } from "./rasterize.ts";
