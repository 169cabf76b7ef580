// An engine on another host of the service: asked over the same HTTP API, with
// a token both hosts can make.
//
// Features stay there: its answers bring no vision pass, and its own cache
// (by image, for the same tenant) spares a second one. Its `feature_id` would
// mean nothing here and is taken out.

import type { AnalyzeEvents, Platform } from "../../shared/analyze/analyze.ts";
import {
  FlorenceError,
  isFlorenceError,
  throwIfAborted,
} from "../../shared/errors.ts";
import type { Principal } from "../principal.ts";
import type { ServiceConfig } from "../config.ts";
import type { Outbound } from "../ports/outbound.ts";
import type {
  Engine,
  EngineModel,
  EngineName,
  EngineRequest,
} from "./engine.ts";
import { INTERNAL_ID, signInternal } from "./internal-token.ts";
import {
  parseModels,
  readEnvelope,
  readStreamedEnvelope,
  reviveProblem,
} from "./remote-answer.ts";

export interface RemoteEngineOptions {
  /** What the other host calls it. */
  readonly name: EngineName;
  /** The other host's address, ours by configuration; no slash at the end. */
  readonly url: string;
  readonly config: Pick<ServiceConfig, "secret">;
  readonly platform: Platform;
  readonly outbound: Pick<Outbound, "fetch">;
}

/** Whose models are asked for when nobody's request is at hand. */
const NOBODY = { tenant: "internal", id: INTERNAL_ID };

/** How long it is believed that the models there are the same. */
const MODELS_AGE_MS = 300_000;

/** The longest an answer may take where the caller sets no deadline. */
const MAX_ANSWER_MS = 300_000;

/** The other host finishes this much earlier, so that its answer still arrives. */
const DEADLINE_MARGIN_MS = 300;

export function createRemoteEngine(options: RemoteEngineOptions): Engine {
  const { name, platform } = options;
  let models: readonly EngineModel[] = [];
  let askedAtMs = Number.NEGATIVE_INFINITY;

  const refresh = async (signal?: AbortSignal): Promise<void> => {
    if (platform.now() - askedAtMs < MODELS_AGE_MS) return;
    const response = await send(options, NOBODY, {
      method: "GET",
      path: "/v1/models",
      ...(signal !== undefined && { signal }),
    });
    if (!response.ok) throw await reviveProblem(name, response);
    models = parseModels(name, await response.text());
    askedAtMs = platform.now();
  };

  return {
    name,
    get models() {
      return models;
    },
    status: () => ({
      backend: "http",
      device: "remote",
      status: models.length > 0 ? "ready" : "cold",
    }),
    refresh,
    async warm() {
      await refresh();
      const response = await send(options, NOBODY, {
        method: "GET",
        path: "/v1/health/ready",
      });
      if (!response.ok) throw await reviveProblem(name, response);
      await response.body?.cancel();
    },
    async analyze(request, events = {}) {
      throwIfAborted(request.signal);
      const isStream = hasListeners(events);
      const { body, type } = await multipart(name, request);
      const response = await send(options, request.principal ?? NOBODY, {
        method: "POST",
        path: "/v1/analyze",
        body,
        caller: request.signal,
        headers: {
          "Content-Type": type,
          Accept: isStream ? "text/event-stream" : "application/json",
          ...deadlineHeader(request, platform.now()),
          ...(request.traceparent !== undefined && {
            traceparent: request.traceparent,
          }),
        },
      });
      if (!response.ok) throw await reviveProblem(name, response);
      try {
        const envelope = isStream
          ? await readStreamedEnvelope(name, response, events)
          : await readEnvelope(name, response);
        const image = { ...envelope.image };
        delete image.feature_id;
        return { envelope: { ...envelope, image }, seen: null };
      } catch (error) {
        throw cutOff(name, error, request.signal);
      }
    },
  };
}

interface Outgoing {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of whoever waits for the answer: aborted, there is no more to wait for. */
  readonly caller?: AbortSignal;
  /** Ours: aborted, the engine took too long. */
  readonly signal?: AbortSignal;
}

/**
 * Sends a signed request.
 *
 * @throws FlorenceError `deadline_exceeded`, or `engine_unavailable` where
 *   nothing answers.
 */
async function send(
  options: RemoteEngineOptions,
  principal: Pick<Principal, "tenant" | "id">,
  { method, path, body, headers, caller, signal }: Outgoing,
): Promise<Response> {
  const { name, url, outbound } = options;
  const authorization = await signInternal(options, principal, {
    method,
    path,
    body: body ?? new Uint8Array(),
  });
  try {
    return await outbound.fetch(
      new Request(url + path, {
        method,
        signal: AbortSignal.any([
          signal ?? AbortSignal.timeout(MAX_ANSWER_MS),
          ...(caller === undefined ? [] : [caller]),
        ]),
        headers: {
          Accept: "application/json",
          ...headers,
          Authorization: authorization,
        },
        ...(body !== undefined && { body }),
      }),
    );
  } catch (error) {
    throw cutOff(name, error, caller);
  }
}

/** What became of a request whose answer did not come, or not to its end. */
function cutOff(
  name: EngineName,
  error: unknown,
  caller: AbortSignal | undefined,
): unknown {
  if (isFlorenceError(error)) return error;
  try {
    throwIfAborted(caller);
  } catch (aborted) {
    return aborted;
  }
  return new FlorenceError(
    "engine_unavailable",
    `The engine ${name} does not answer. Try again, or use another engine.`,
    { cause: error },
  );
}

function hasListeners(events: AnalyzeEvents): boolean {
  const { token, object, result, warning } = events;
  return [token, object, result, warning].some(
    (listener) => listener !== undefined,
  );
}

/** The request as the other host reads it, as bytes that can be signed. */
async function multipart(
  name: EngineName,
  { bytes, tasks, options, metadata }: EngineRequest,
): Promise<{ readonly body: Uint8Array<ArrayBuffer>; readonly type: string }> {
  if (bytes === null) {
    throw new FlorenceError(
      "engine_unavailable",
      `The engine ${name} has no features from here. Send the image itself.`,
    );
  }
  const form = new FormData();
  form.set("image", new Blob([new Uint8Array(bytes)]), "image");
  form.set(
    "request",
    JSON.stringify({
      tasks,
      // It answers itself or not at all: who is next is decided here.
      options: {
        ...options,
        engine: name,
        allow_fallback: false,
        store: false,
      },
      metadata,
    }),
  );
  const written = new Response(form);
  const type = written.headers.get("Content-Type")!;
  return { body: new Uint8Array(await written.arrayBuffer()), type };
}

function deadlineHeader(
  { deadlineAtMs }: EngineRequest,
  nowMs: number,
): Readonly<Record<string, string>> {
  if (deadlineAtMs === undefined) return {};
  const leftMs = Math.floor(deadlineAtMs - nowMs);
  const farMs = Math.max(
    1,
    leftMs - Math.min(DEADLINE_MARGIN_MS, Math.floor(leftMs / 4)),
  );
  return { "Deadline-Ms": String(Math.min(farMs, 300_000)) };
}
