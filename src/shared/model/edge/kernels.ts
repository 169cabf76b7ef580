// The kernels as the core sees them: functions over one memory that the host
// made. What each takes is written beside its source, in src/kernels/assembly.
//
// Long because it lists every kernel.

import { FlorenceError } from "../../errors.ts";

/** How byte products are added up, best first. */
export type KernelVariant = "dot" | "pair" | "plain";

/** A compiled module, or its bytes where the host may compile. */
export type KernelModules = Readonly<
  Record<KernelVariant, WebAssembly.Module | BufferSource>
>;

/** A pointer: an offset in bytes into the memory. */
type Pointer = number;

/** The exports of a module; strides are in bytes, sizes in elements. */
export interface KernelExports {
  suits(seven: number): number;
  checksum(x: Pointer, count: number): number;
  activationLimit(rows: number): number;
  quantizeRows(
    x: Pointer,
    stride: number,
    rows: number,
    k: number,
    height: number,
    limit: number,
    to: Pointer,
    scales: Pointer,
    starts: Pointer,
  ): void;
  int8Scratch(k: number): number;
  int8Product(
    x: Pointer,
    strideX: number,
    m: number,
    k: number,
    n: number,
    w: Pointer,
    scaleW: Pointer,
    bias: Pointer,
    c: Pointer,
    strideC: number,
    scratch: Pointer,
  ): void;
  unpackInt4(
    w: Pointer,
    n: number,
    k: number,
    group: number,
    to: Pointer,
    scales: Pointer,
  ): void;
  int4Scratch(m: number, k: number, n: number, group: number): number;
  int4Product(
    x: Pointer,
    strideX: number,
    m: number,
    k: number,
    n: number,
    group: number,
    w: Pointer,
    bias: Pointer,
    c: Pointer,
    strideC: number,
    scratch: Pointer,
  ): void;
  f32Product(
    x: Pointer,
    strideX: number,
    m: number,
    k: number,
    n: number,
    w: Pointer,
    bias: Pointer,
    c: Pointer,
    strideC: number,
  ): void;
  loadHalves(from: Pointer, count: number, to: Pointer): void;
  storeHalves(from: Pointer, count: number, to: Pointer): void;
  geluScratch(): number;
  gelu(x: Pointer, count: number, scratch: Pointer): void;
  expScratch(): number;
  relu(x: Pointer, count: number): void;
  relu6(x: Pointer, count: number): void;
  sigmoid(x: Pointer, count: number, scratch: Pointer): void;
  silu(x: Pointer, count: number, scratch: Pointer): void;
  hardSigmoid(x: Pointer, count: number): void;
  hardSwish(x: Pointer, count: number): void;
  layerNorm(
    x: Pointer,
    strideX: number,
    rows: number,
    width: number,
    gamma: Pointer,
    beta: Pointer,
    epsilon: number,
    y: Pointer,
    strideY: number,
  ): void;
  softmax(
    x: Pointer,
    stride: number,
    rows: number,
    count: number,
    scale: number,
    scratch: Pointer,
  ): void;
  addInto(x: Pointer, y: Pointer, count: number): void;
  scaleChannels(
    x: Pointer,
    stride: number,
    rows: number,
    channels: number,
    scale: Pointer,
  ): void;
  copyRows(
    from: Pointer,
    strideFrom: number,
    rows: number,
    channels: number,
    to: Pointer,
    strideTo: number,
  ): void;
  depthwise(
    x: Pointer,
    height: number,
    width: number,
    channels: number,
    size: number,
    stride: number,
    padTop: number,
    padLeft: number,
    w: Pointer,
    bias: Pointer,
    residual: number,
    y: Pointer,
    outHeight: number,
    outWidth: number,
  ): void;
  gatherPatches(
    x: Pointer,
    height: number,
    width: number,
    channels: number,
    size: number,
    stride: number,
    padTop: number,
    padLeft: number,
    outWidth: number,
    first: number,
    count: number,
    k: number,
    to: Pointer,
  ): void;
  convolutionScratch(
    patched: number,
    kind: number,
    k: number,
    n: number,
  ): number;
  convolution(
    x: Pointer,
    height: number,
    width: number,
    channels: number,
    size: number,
    stride: number,
    padTop: number,
    padLeft: number,
    outWidth: number,
    first: number,
    count: number,
    patched: number,
    kind: number,
    k: number,
    n: number,
    group: number,
    w: Pointer,
    scales: Pointer,
    bias: Pointer,
    activation: number,
    y: Pointer,
    scratch: Pointer,
  ): void;
  scatter2x2(
    x: Pointer,
    height: number,
    width: number,
    channels: number,
    y: Pointer,
  ): void;
  maxPool(
    x: Pointer,
    height: number,
    width: number,
    channels: number,
    size: number,
    stride: number,
    padTop: number,
    padLeft: number,
    y: Pointer,
    outHeight: number,
    outWidth: number,
  ): void;
  averagePool(
    x: Pointer,
    height: number,
    width: number,
    channels: number,
    size: number,
    stride: number,
    padTop: number,
    padLeft: number,
    y: Pointer,
    outHeight: number,
    outWidth: number,
  ): void;
  globalAverage(x: Pointer, pixels: number, channels: number, y: Pointer): void;
  enlargeNearest(
    x: Pointer,
    height: number,
    width: number,
    channels: number,
    factor: number,
    y: Pointer,
  ): void;
  resizeRows(
    x: Pointer,
    strideX: number,
    rows: number,
    width: number,
    first: Pointer,
    pairs: number,
    table: Pointer,
    y: Pointer,
  ): void;
  resizeColumns(
    x: Pointer,
    line: number,
    rows: number,
    first: Pointer,
    pairs: number,
    table: Pointer,
    y: Pointer,
  ): void;
  attentionScratch(keys: number, width: number): number;
  attention(
    q: Pointer,
    strideQ: number,
    rows: number,
    k: Pointer,
    strideK: number,
    v: Pointer,
    strideV: number,
    keys: number,
    heads: number,
    width: number,
    scale: number,
    y: Pointer,
    strideY: number,
    scratch: Pointer,
  ): void;
  windowAttentionScratch(
    channels: number,
    heads: number,
    window: number,
  ): number;
  windowAttention(
    qkv: Pointer,
    bias: Pointer,
    height: number,
    width: number,
    channels: number,
    heads: number,
    window: number,
    y: Pointer,
    scratch: Pointer,
  ): void;
  channelAttentionScratch(width: number): number;
  channelScores(
    q: Pointer,
    k: Pointer,
    stride: number,
    rows: number,
    groups: number,
    width: number,
    scores: Pointer,
    scratch: Pointer,
  ): void;
  channelMix(
    v: Pointer,
    strideV: number,
    rows: number,
    groups: number,
    width: number,
    a: Pointer,
    y: Pointer,
    strideY: number,
    scratch: Pointer,
  ): void;
  cachedAttentionScratch(keys: number): number;
  cachedAttention(
    q: Pointer,
    k: Pointer,
    v: Pointer,
    stride: number,
    keys: number,
    heads: number,
    width: number,
    scale: number,
    y: Pointer,
    scratch: Pointer,
  ): void;
  f32Column(w: Pointer, k: number, column: number, to: Pointer): void;
  int4Column(
    w: Pointer,
    k: number,
    group: number,
    column: number,
    to: Pointer,
  ): void;
  int8Column(
    w: Pointer,
    scales: Pointer,
    k: number,
    column: number,
    to: Pointer,
  ): void;
  requestBytes(): number;
  /** `vocabulary` counts only where threads share the work. */
  headScratch(
    rows: number,
    k: number,
    group: number,
    vocabulary: number,
  ): number;
  int8Head(
    x: Pointer,
    stride: number,
    rows: number,
    k: number,
    vocabulary: number,
    w: Pointer,
    scales: Pointer,
    bias: Pointer,
    requests: Pointer,
    scratch: Pointer,
  ): void;
  int4Head(
    x: Pointer,
    stride: number,
    rows: number,
    k: number,
    group: number,
    vocabulary: number,
    w: Pointer,
    bias: Pointer,
    requests: Pointer,
    scratch: Pointer,
  ): void;
  f32Head(
    x: Pointer,
    stride: number,
    rows: number,
    k: number,
    vocabulary: number,
    w: Pointer,
    bias: Pointer,
    requests: Pointer,
    scratch: Pointer,
  ): void;
  int8FeedForwardScratch(k: number, hidden: number): number;
  int8FeedForward(
    x: Pointer,
    strideX: number,
    m: number,
    k: number,
    hidden: number,
    n: number,
    w1: Pointer,
    scales1: Pointer,
    bias1: Pointer,
    w2: Pointer,
    scales2: Pointer,
    bias2: Pointer,
    c: Pointer,
    strideC: number,
    scratch: Pointer,
  ): void;
  int4FeedForwardScratch(
    m: number,
    k: number,
    hidden: number,
    n: number,
    group: number,
  ): number;
  int4FeedForward(
    x: Pointer,
    strideX: number,
    m: number,
    k: number,
    hidden: number,
    n: number,
    group: number,
    w1: Pointer,
    bias1: Pointer,
    w2: Pointer,
    bias2: Pointer,
    c: Pointer,
    strideC: number,
    scratch: Pointer,
  ): void;
  f32FeedForwardScratch(hidden: number): number;
  f32FeedForward(
    x: Pointer,
    strideX: number,
    m: number,
    k: number,
    hidden: number,
    n: number,
    w1: Pointer,
    bias1: Pointer,
    w2: Pointer,
    bias2: Pointer,
    c: Pointer,
    strideC: number,
    scratch: Pointer,
  ): void;
}

/** Kernels bound to a memory. */
export interface Kernels {
  readonly variant: KernelVariant;
  readonly memory: WebAssembly.Memory;
  readonly run: KernelExports;
}

const ORDER: readonly KernelVariant[] = ["dot", "pair", "plain"];

/** Whether a device's name is that of a variant. */
export function isKernelVariant(name: string): name is KernelVariant {
  return (ORDER as readonly string[]).includes(name);
}

/**
 * Binds the best variant this processor suits, found by values, not by time.
 *
 * @param memory the arena: the host sets its maximum, and nothing here grows it.
 *   The kernels keep nothing in it of their own.
 * @param only this variant and no other, for tests and measurements.
 * @throws FlorenceError `engine_unavailable` if the runtime takes none of them.
 */
export async function openKernels(
  modules: KernelModules,
  memory: WebAssembly.Memory,
  only?: KernelVariant,
): Promise<Kernels> {
  let refusal: unknown;
  for (const variant of only === undefined ? ORDER : [only]) {
    try {
      const run = await instantiate(modules[variant], memory);
      if (run.suits(7) === 1) return { variant, memory, run };
    } catch (error) {
      // No relaxed SIMD here: the next variant does with less.
      refusal = error;
    }
  }
  throw new FlorenceError(
    "engine_unavailable",
    `This runtime takes ${only === undefined ? "no build" : `not the ${only} build`} of the kernels; they need WebAssembly SIMD. Use the ONNX Runtime backend.`,
    { cause: refusal },
  );
}

/** The kernels of one module over one memory. */
export async function instantiate(
  module: WebAssembly.Module | BufferSource,
  memory: WebAssembly.Memory,
): Promise<KernelExports> {
  const imports = { env: { memory } };
  // A module becomes an instance, bytes become both.
  const made = (await WebAssembly.instantiate(module, imports)) as
    WebAssembly.Instance | { readonly instance: WebAssembly.Instance };
  const instance = "instance" in made ? made.instance : made;
  return instance.exports as unknown as KernelExports;
}
