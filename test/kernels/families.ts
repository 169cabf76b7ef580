// All families of kernels that are tested.

import {
  ATTENTION,
  CACHED_ATTENTION,
  CHANNEL_ATTENTION,
  WINDOW_ATTENTION,
} from "./cases/attention.ts";
import { CHECKSUM } from "./cases/checksum.ts";
import { F32_PRODUCT, HALVES } from "./cases/f32-product.ts";
import { FEED_FORWARD } from "./cases/feed-forward.ts";
import { EMBEDDING, HEAD } from "./cases/head.ts";
import {
  CONVOLUTION,
  DEPTHWISE,
  ENLARGING,
  POOLING,
  WHOLE_CONVOLUTION,
} from "./cases/images.ts";
import { INT4_PRODUCT, UNPACK_INT4 } from "./cases/int4-product.ts";
import { INT8_PRODUCT, QUANTIZE_ROWS } from "./cases/int8-product.ts";
import {
  ACTIVATION_FAMILIES,
  ELEMENTWISE,
  LAYER_NORM,
  SOFTMAX,
} from "./cases/pointwise.ts";
import { RESIZING } from "./cases/resize.ts";
import type { Family } from "./family.ts";

export const FAMILIES: readonly Family[] = [
  QUANTIZE_ROWS,
  INT8_PRODUCT,
  UNPACK_INT4,
  INT4_PRODUCT,
  F32_PRODUCT,
  HALVES,
  ...ACTIVATION_FAMILIES,
  LAYER_NORM,
  SOFTMAX,
  ELEMENTWISE,
  CHECKSUM,
  DEPTHWISE,
  CONVOLUTION,
  WHOLE_CONVOLUTION,
  POOLING,
  ENLARGING,
  RESIZING,
  ATTENTION,
  WINDOW_ATTENTION,
  CHANNEL_ATTENTION,
  CACHED_ATTENTION,
  EMBEDDING,
  HEAD,
  FEED_FORWARD,
];
