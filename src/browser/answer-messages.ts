// The worker's side: opens a backend, answers requests, one after the other.

import { analyze } from "../shared/analyze/analyze.ts";
import { FlorenceError, isFlorenceError } from "../shared/errors.ts";
import { decodeImage, type ImageCodecs } from "../shared/image/decode-image.ts";
import { createTurn } from "../shared/model/edge/turn.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import { parseAnalyzeRequest } from "../shared/schema/analysis.ts";
import { toProblem, type Problem } from "../shared/schema/problem.ts";
import type {
  Backend,
  Channel,
  Opening,
  ToldEvents,
  ToPage,
  ToWorker,
} from "./messages.ts";
import { BROWSER_PLATFORM } from "./platform.ts";

/** A model that answers here. */
export interface OpenedBackend {
  readonly loaded: LoadedModel;
  readonly codecs: ImageCodecs;
  readonly backend: Backend;
}

/**
 * Answers what comes over `channel`, until the thread ends.
 *
 * @param open opens the one backend of this worker.
 */
export function answerMessages(
  channel: Channel<ToWorker, ToPage>,
  open: (opening: Opening) => Promise<OpenedBackend>,
): void {
  const inTurn = createTurn();
  const aborts = new Map<number, AbortController>();
  let opened: OpenedBackend | null = null;

  const answer = async (
    message: Exclude<ToWorker, { kind: "abort" }>,
    signal: AbortSignal,
  ): Promise<ToPage> => {
    const { id } = message;
    if (message.kind === "open") {
      opened = await open(message.opening);
      return { kind: "opened", id, backend: opened.backend };
    }
    if (opened === null) throw new Error("internal: no backend is open");
    const told = tell(id, (event) => {
      channel.postMessage(event, []);
    });
    const envelope = await analyzeBytes(opened, message, signal, told);
    return { kind: "answered", id, envelope };
  };

  channel.addEventListener("message", ({ data: message }) => {
    const { id } = message;
    if (message.kind === "abort") {
      aborts.get(id)?.abort();
      return;
    }
    const abort = new AbortController();
    aborts.set(id, abort);
    void inTurn(() => answer(message, abort.signal))
      .catch((error: unknown): ToPage => {
        return { kind: "refused", id, problem: problemOf(error) };
      })
      .then((reply) => {
        aborts.delete(id);
        channel.postMessage(reply, []);
      });
  });
}

async function analyzeBytes(
  { loaded, codecs }: OpenedBackend,
  { bytes, request }: Extract<ToWorker, { kind: "analyze" }>,
  signal: AbortSignal,
  events: ToldEvents,
): Promise<Extract<ToPage, { kind: "answered" }>["envelope"]> {
  const parsed = parseAnalyzeRequest(request);
  const startMs = BROWSER_PLATFORM.now();
  const image = await decodeImage(bytes, codecs);
  const decodeMs = BROWSER_PLATFORM.now() - startMs;
  const input = { ...parsed, image, bytes, decodeMs, signal };
  return await analyze(loaded, input, BROWSER_PLATFORM, events);
}

/** Listeners that send what they hear. */
function tell(id: number, send: (event: ToPage) => void): ToldEvents {
  const listener = (event: keyof ToldEvents) => (value: unknown) => {
    send({ kind: "told", id, event, value });
  };
  return {
    token: listener("token"),
    object: listener("object"),
    result: listener("result"),
    warning: listener("warning"),
  };
}

/** A bug of ours is told as it is: the page is its owner's own. */
function problemOf(error: unknown): Problem {
  if (isFlorenceError(error)) return toProblem(error);
  const reason = error instanceof Error ? error.message : String(error);
  return toProblem(new FlorenceError("internal", reason, { cause: error }));
}
