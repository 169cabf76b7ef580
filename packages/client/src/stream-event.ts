// What a stream tells of an analysis.

import { problemError } from "./florence-api-error.ts";
import type { ServerEvent } from "./read-events.ts";
import type { Analysis, Problem } from "./schemas.ts";

export type AnalysisEvent =
  | {
      readonly event: "started";
      readonly data: {
        readonly image: {
          readonly width: number;
          readonly height: number;
          readonly media_type: string;
        };
        readonly engine: string;
      };
    }
  | {
      readonly event: "vision_done";
      readonly data: { readonly image: Analysis["image"] };
    }
  | {
      readonly event: "token";
      readonly data: {
        readonly result_id: string;
        readonly region_id?: string;
        readonly delta: string;
      };
    }
  | {
      readonly event: "object";
      readonly data: {
        readonly result_id: string;
        readonly region_id?: string;
        readonly kind: "object" | "line" | "segment";
        readonly item: Readonly<Record<string, unknown>>;
      };
    }
  | {
      readonly event: "result";
      readonly data: Analysis["results"][number];
    }
  | { readonly event: "warning"; readonly data: { readonly message: string } }
  | {
      readonly event: "done";
      /** The envelope; of its results only what they are. */
      readonly data: Omit<Analysis, "results"> & {
        readonly results: readonly {
          readonly id: string;
          readonly task: string;
          readonly status: "ok" | "no_detection" | "error";
        }[];
      };
    };

/**
 * An event of a stream, typed.
 *
 * @throws FlorenceApiError for the event `error`.
 */
export function streamEvent({ event, data }: ServerEvent): AnalysisEvent {
  const value: unknown = JSON.parse(data);
  if (event === "error") throw problemError(value as Problem);
  return { event, data: value } as AnalysisEvent;
}
