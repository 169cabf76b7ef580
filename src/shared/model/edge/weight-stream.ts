// Weights that come as they are needed: while one segment is in use, the next
// ones are read, as far as there is room and no further than a few megabytes.

import type { BundleSource } from "../bundle-source.ts";
import type { Arena } from "./arena.ts";
import type { EdgePlan } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import { type Phase, type PhasePlan, READ_AHEAD_BYTES } from "./phases.ts";
import { type Placed, placeOf } from "./placed.ts";
import { byHashOnce, findWeights, loadFile, type Weights } from "./weights.ts";

/**
 * Weights of a model in phases. `ready` begins the phase of the segment it is
 * asked for: anew where that one is behind what is in use.
 */
export interface WeightStream extends Weights {
  /** Stops reading: nothing is written any more. */
  stop(): void;
  /** Bytes read so far. */
  bytesRead(): number;
}

/** One reading of a phase's weights; a new phase begins another. */
interface Reading {
  readonly phase: Phase;
  readonly order: readonly Placed[];
  /** The first streamed segment still in use; those before it may go. */
  inUse: number;
  isOver: boolean;
  failure: { readonly error: unknown } | null;
}

/**
 * Weights read through `bundle` into the places that `phases` has for them.
 *
 * One phase at a time; whoever uses it waits for `ready` before each segment.
 */
export function createWeightStream(
  plan: EdgePlan,
  phases: PhasePlan,
  bundle: BundleSource,
  arena: Arena,
  run: Pick<KernelExports, "checksum">,
): WeightStream {
  const isRight = byHashOnce(arena, run);
  let reading: Reading | null = null;
  /** What lies whole in the arena, by name of segment. */
  const present = new Map<string, Placed>();
  let bytesRead = 0;
  const waiting = new Set<() => void>();

  const change = (): void => {
    for (const look of [...waiting]) look();
  };
  const until = (isTrue: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isTrue()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  /** Forgets what a piece of memory held. */
  const overwrite = (at: number, end: number): void => {
    for (const [name, placed] of present) {
      if (placed.at < end && at < placed.end) present.delete(name);
    }
  };
  const isPresent = ({ segment: { name }, at }: Placed): boolean =>
    present.get(name)?.at === at;

  /** Whether a segment may be written: nothing there is in use or waits for it. */
  const isFree = (own: Reading, index: number): boolean => {
    const { at, end } = own.order[index]!;
    return own.order
      .slice(own.inUse, index)
      .every((before) => before.end <= at || end <= before.at);
  };
  /** Bytes read of what comes after the segment in use. */
  const ahead = (own: Reading, index: number, read: number): number =>
    own.order
      .slice(own.inUse + 1, index)
      .reduce((sum, { segment }) => sum + segment.bytes, read);

  const readAll = async (own: Reading): Promise<void> => {
    const resident = own.phase.resident.length;
    const isOver = (): boolean => own.isOver;
    for (const [index, placed] of own.order.entries()) {
      if (isPresent(placed)) continue;
      await until(() => isOver() || isFree(own, index));
      if (isOver()) return;
      let { at } = placed;
      overwrite(placed.at, placed.end);
      for (const file of placed.segment.files) {
        await until(
          () =>
            isOver() ||
            index < resident ||
            index <= own.inUse ||
            ahead(own, index, at - placed.at + file.bytes) <= READ_AHEAD_BYTES,
        );
        if (isOver()) return;
        const isThere = await loadFile(
          ...([file, bundle, arena, at] as const),
          () => !own.isOver,
          isRight,
        );
        if (!isThere) return;
        at += file.bytes;
        bytesRead += file.bytes;
      }
      present.set(placed.segment.name, placed);
      change();
    }
  };

  const begin = (phase: Phase): Reading => {
    arena.reach(phase.end);
    if (reading !== null) reading.isOver = true;
    change();
    const own: Reading = {
      phase,
      order: orderOf(phase),
      inUse: phase.resident.length,
      isOver: false,
      failure: null,
    };
    overwrite(phase.base, phase.end);
    readAll(own).catch((error: unknown) => {
      own.failure = { error };
      change();
    });
    reading = own;
    return own;
  };

  const places = (offset: number): number =>
    placeOf(reading?.order ?? [])(offset);

  const indexIn = (phase: Phase, name: string): number =>
    orderOf(phase).findIndex(({ segment }) => segment.name === name);

  const ready = async (name: string): Promise<void> => {
    let own = reading;
    let index = own === null ? -1 : indexIn(own.phase, name);
    const isBehind =
      own !== null && index >= own.phase.resident.length && index < own.inUse;
    if (
      own === null ||
      own.failure !== null ||
      own.isOver ||
      index < 0 ||
      isBehind
    ) {
      const phase =
        own !== null && index >= 0
          ? own.phase
          : Object.values(phases.phases).find((one) => indexIn(one, name) >= 0);
      if (phase === undefined) throw new Error(`internal: no segment ${name}`);
      own = begin(phase);
      index = indexIn(phase, name);
    }
    own.inUse = Math.max(own.inUse, index);
    change();
    const { failure } = await settledBy(own, index);
    if (failure !== null) throw failure.error;
  };
  const settledBy = async (own: Reading, index: number): Promise<Reading> => {
    await until(() => own.failure !== null || isPresent(own.order[index]!));
    return own;
  };

  return {
    ...findWeights(plan, places, ready),
    stop() {
      if (reading !== null) reading.isOver = true;
      change();
    },
    bytesRead: () => bytesRead,
  };
}

/** What stays first: it is needed throughout. */
function orderOf({ resident, streamed }: Phase): readonly Placed[] {
  return [...resident, ...streamed];
}
