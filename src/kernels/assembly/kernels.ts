// What the built modules export.

export { activationLimit } from "./variant";
export { suits } from "./probe";
export { checksum } from "./checksum";
export { quantizeRows } from "./quantize";
export { int8Product, int8Scratch } from "./int8-product";
export { unpackInt4 } from "./int4-unpack";
export { int4Product, int4Scratch } from "./int4-product";
export { f32Product } from "./f32-product";
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
export { convolution, convolutionScratch } from "./convolution";
export { averagePool, enlargeNearest, globalAverage, maxPool } from "./pooling";
export { resizeColumns, resizeRows } from "./resize";
export { attention, attentionScratch } from "./attention";
export { windowAttention, windowAttentionScratch } from "./window-attention";
export {
  channelAttentionScratch,
  channelMix,
  channelScores,
} from "./channel-attention";
export { cachedAttention, cachedAttentionScratch } from "./cached-attention";
export { f32Column, int4Column, int8Column } from "./embedding";
export { f32Head, headScratch, int4Head, int8Head, requestBytes } from "./head";
export {
  f32FeedForward,
  f32FeedForwardScratch,
  int4FeedForward,
  int4FeedForwardScratch,
  int8FeedForward,
  int8FeedForwardScratch,
} from "./feed-forward";
