// What is asked of the head for one row, as it lies in the kernels' memory.

/** Bytes of one request; the kernels say the same by `requestBytes()`. */
export const REQUEST_BYTES = 48;

/** What is asked of one row; pointers into the kernels' memory. */
export interface HeadRequest {
  /** How many of the best are wanted. */
  readonly best: number;
  /** Bits of the ids that may be among the best; 0: all may. */
  readonly permitted: number;
  /** Where ids (i32) and logits (f32) of the best go, room for `best`. */
  readonly ids: number;
  readonly logits: number;
  /** Ids (i32, ascending) whose logits (f32) are wanted anyhow, and how many. */
  readonly scored: number;
  readonly scoredIds: number;
  readonly scoredLogits: number;
}

/** What a row's request says afterwards. */
export interface HeadAnswer {
  /** How many of the best there are: fewer than asked if fewer are permitted. */
  readonly found: number;
  /** Of all logits. */
  readonly logSumExp: number;
}

/** Writes a request to `at`. */
export function writeRequest(
  view: DataView,
  at: number,
  request: HeadRequest,
): void {
  const fields = [
    request.best,
    request.permitted,
    request.ids,
    request.logits,
    request.scored,
    request.scoredIds,
    request.scoredLogits,
  ];
  for (const [index, value] of fields.entries()) {
    view.setInt32(at + 4 * index, value, true);
  }
}

/** Reads what a head wrote to a request at `at`. */
export function readAnswer(view: DataView, at: number): HeadAnswer {
  const found = view.getInt32(at + 28, true);
  const top = view.getFloat32(at + 32, true);
  return { found, logSumExp: top + Math.log(view.getFloat64(at + 40, true)) };
}
