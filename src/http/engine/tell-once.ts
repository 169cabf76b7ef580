// Events of an analysis that is begun again: what the first attempt told is not
// told a second time. Both say the same, since decoding is deterministic.

import type {
  AnalyzeEvents,
  FoundObject,
  TextDelta,
} from "../../shared/analyze/events.ts";

/**
 * @returns gives the listeners of the next attempt.
 */
export function tellOnce(events: AnalyzeEvents): () => AnalyzeEvents {
  const told = new Set<string>();
  /** Letters told of each text. */
  const lengths = new Map<string, number>();
  let isSeen = false;

  const first = (...key: readonly (string | undefined)[]): boolean => {
    const text = JSON.stringify(key);
    const isFirst = !told.has(text);
    told.add(text);
    return isFirst;
  };
  const { vision, token, object, result, warning } = events;

  return () => {
    const written = new Map<string, number>();
    return {
      ...(vision !== undefined && {
        vision: (seen) => {
          if (!isSeen) vision(seen);
          isSeen = true;
        },
      }),
      ...(token !== undefined && {
        token: (delta: TextDelta) => {
          const key = JSON.stringify([delta.result_id, delta.region_id]);
          const from = written.get(key) ?? 0;
          const to = from + delta.delta.length;
          const known = lengths.get(key) ?? 0;
          written.set(key, to);
          if (to <= known) return;
          lengths.set(key, to);
          const rest = delta.delta.slice(Math.max(0, known - from));
          token({ ...delta, delta: rest });
        },
      }),
      ...(object !== undefined && {
        object: (found: FoundObject) => {
          const { result_id, region_id, item } = found;
          if (first("object", result_id, region_id, item.id)) object(found);
        },
      }),
      ...(result !== undefined && {
        result: (one) => {
          if (first("result", one.id)) result(one);
        },
      }),
      ...(warning !== undefined && {
        warning: (message: string) => {
          if (first("warning", message)) warning(message);
        },
      }),
    };
  };
}
