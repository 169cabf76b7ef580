// What the built modules export.

export { activationLimit } from "./variant";
export { suits } from "./probe";
export { quantizeRows } from "./quantize";
export { int8Product, int8Scratch } from "./int8-product";
export { groupBytes } from "./int4-rows";
export { unpackInt4 } from "./int4-unpack";
export { int4Product, int4Scratch } from "./int4-product";
export { f32Product, f32Scratch } from "./f32-product";
export { loadHalves, storeHalves } from "./half";
export { gelu, geluScratch } from "./gelu";
export { expScratch } from "./exp";
export {
  hardSigmoid,
  hardSwish,
  relu,
  relu6,
  sigmoid,
  silu,
} from "./activations";
export { layerNorm } from "./layer-norm";
export { softmax } from "./softmax";
export { addInto, copyRows, scaleChannels } from "./elementwise";
export { depthwise } from "./depthwise";
export { gatherPatches, scatter2x2 } from "./patches";
export { averagePool, enlargeNearest, globalAverage, maxPool } from "./pooling";
