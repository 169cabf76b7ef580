// One model that several requests use at a time, opened anew when its runtime is
// dead.

import type { HostedModel } from "../http/engine/isolate-engine.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";

/** A model; each lane uses it for one request at a time. */
export interface SharedModel {
  /** The model as one lane has it. */
  lane(): ModelLane;
}

export interface ModelLane extends HostedModel {
  /** The lane's request has ended: what it held may be given back. */
  release(): void;
}

/**
 * Shares what is opened already.
 *
 * One lane's `reset` is enough: the others go on with the new model at their
 * next `load`, and the dead one is disposed when the last has let go of it.
 *
 * @param open opens another in its place; throws as `HostedModel.load`.
 */
export function shareModel(
  first: LoadedModel,
  open: () => Promise<LoadedModel>,
): SharedModel {
  const { manifest } = first;
  const held = new Map<ModelLane, LoadedModel>();
  const dead = new Set<LoadedModel>();
  let current: LoadedModel | null = first;
  let opening: Promise<LoadedModel> | null = null;

  const load = async (): Promise<LoadedModel> => {
    if (current !== null) return current;
    opening ??= open().finally(() => {
      opening = null;
    });
    return (current = await opening);
  };
  const letGo = (lane: ModelLane): void => {
    held.delete(lane);
    for (const one of dead) {
      if ([...held.values()].includes(one)) continue;
      dead.delete(one);
      // What is dead may fail at this, too; its memory is lost then.
      one.model.dispose().catch(() => undefined);
    }
  };
  return {
    lane() {
      const lane: ModelLane = {
        manifest,
        isLoaded: () => current !== null,
        async load() {
          const loaded = await load();
          held.set(lane, loaded);
          return loaded;
        },
        reset() {
          const own = held.get(lane);
          if (own !== undefined && own === current) {
            dead.add(own);
            current = null;
          }
          letGo(lane);
          return Promise.resolve();
        },
        release() {
          letGo(lane);
        },
      };
      return lane;
    },
  };
}
