// What is told of an analysis while it goes on. Nothing is told twice, and
// nothing that is told differs from the envelope that comes at the end. But for
// the features of `vision` everything can be written as JSON; all of it can be
// sent to another thread as it is.

import type { EnvelopeResult } from "../schema/analysis.ts";
import type { SeenImage } from "./seen-image.ts";

/** Listeners; each is called while the work waits, and should be quick. */
export interface AnalyzeEvents {
  /** The whole image has been seen, now or before. */
  readonly vision?: (seen: SeenImage) => void;
  /** A text goes on. The deltas of a text, joined, are the text of the result. */
  readonly token?: (delta: TextDelta) => void;
  /**
   * An object, line or segment is whole: as soon as its label and coordinates
   * are closed; at the end of its prompt with beams, and of its task with tiles.
   */
  readonly object?: (found: FoundObject) => void;
  /** A task is finished, or failed. */
  readonly result?: (result: EnvelopeResult) => void;
  /** Stands in the envelope's `warnings`, too. */
  readonly warning?: (message: string) => void;
}

/** More of a text; never half a character. */
export interface TextDelta {
  readonly result_id: string;
  /** Of region tasks: the region the text is about. */
  readonly region_id?: string;
  readonly delta: string;
}

/** An item as it stands in its result, id and scores included. */
export interface FoundObject {
  readonly result_id: string;
  /** Of `segment_regions`: the region the segment belongs to. */
  readonly region_id?: string;
  readonly kind: "object" | "line" | "segment";
  readonly item: ResultItem;
}

/** An entry of `objects`, `lines` or `segments`. */
export type ResultItem = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly score: number;
};
