// What another host answered, parsed like any other input: envelopes, streams
// of events, lists of models, problems.

import * as v from "valibot";
import type { AnalyzeEvents } from "../../shared/analyze/analyze.ts";
import type { FoundObject, TextDelta } from "../../shared/analyze/events.ts";
import { FlorenceError, type ErrorCode } from "../../shared/errors.ts";
import { EnvelopeSchema, type Envelope } from "../../shared/schema/analysis.ts";
import { ProblemSchema, type Problem } from "../../shared/schema/problem.ts";
import type { EngineModel, EngineName } from "./engine.ts";
import { readEvents } from "./read-events.ts";

const ModelList = v.object({
  data: v.pipe(
    v.array(
      v.object({
        id: v.string(),
        revision: v.string(),
        quantization: v.picklist(["fp32", "fp16", "int8"]),
        tasks: v.array(v.string()),
        license: v.string(),
        source: v.string(),
        weight_bytes: v.number(),
        parameters: v.number(),
      }),
    ),
    v.minLength(1),
  ),
});

const Delta: v.GenericSchema<unknown, TextDelta> = v.object({
  result_id: v.string(),
  region_id: v.exactOptional(v.string()),
  delta: v.string(),
});

const Found: v.GenericSchema<unknown, FoundObject> = v.object({
  result_id: v.string(),
  region_id: v.exactOptional(v.string()),
  kind: v.picklist(["object", "line", "segment"]),
  item: v.looseObject({ id: v.string(), score: v.number() }),
});

const Result = EnvelopeSchema.entries.results.item;
const Warning = v.object({ message: v.string() });

/** The envelope at the end of a stream: results are what they are, no more. */
const Done = v.looseObject({
  results: v.array(v.object({ id: v.string() })),
});

/**
 * The models of `GET /v1/models`, the default first.
 *
 * @throws FlorenceError `engine_bad_output`.
 */
export function parseModels(
  name: EngineName,
  text: string,
): readonly EngineModel[] {
  const { data } = parse(name, ModelList, parseJson(name, text));
  return data.map(({ quantization, weight_bytes, parameters, ...model }) => ({
    ...model,
    precision: quantization,
    parts: [{ bytes: weight_bytes, parameters }],
  }));
}

/**
 * The envelope of an answer.
 *
 * @throws FlorenceError `engine_bad_output`.
 */
export async function readEnvelope(
  name: EngineName,
  response: Response,
): Promise<Envelope> {
  return parse(name, EnvelopeSchema, parseJson(name, await response.text()));
}

/**
 * Tells the events of a stream and puts the envelope together at its end.
 * `vision` is not told: the features stay there.
 *
 * @throws FlorenceError `engine_bad_output`, `engine_unavailable` if the stream
 *   ends early, or what its `error` event says.
 */
export async function readStreamedEnvelope(
  name: EngineName,
  response: Response,
  events: AnalyzeEvents,
): Promise<Envelope> {
  if (response.body === null) throw badOutput(name, "it has no body");
  const results = new Map<string, unknown>();
  for await (const { event, data } of readEvents(response.body)) {
    const value = parseJson(name, data);
    switch (event) {
      case "token":
        events.token?.(parse(name, Delta, value));
        break;
      case "object":
        events.object?.(parse(name, Found, value));
        break;
      case "warning":
        events.warning?.(parse(name, Warning, value).message);
        break;
      case "result": {
        const result = parse(name, Result, value);
        results.set(result.id, result);
        events.result?.(result);
        break;
      }
      case "error":
        throw revive(name, parse(name, ProblemSchema, value), null);
      case "done": {
        const done = parse(name, Done, value);
        return parse(name, EnvelopeSchema, {
          ...done,
          results: done.results.map(({ id }) => results.get(id)),
        });
      }
      default: // `started`, `vision_done`: known here already.
    }
  }
  throw new FlorenceError(
    "engine_unavailable",
    `The engine ${name} stopped in the middle of its answer. Try again.`,
  );
}

/** The error that an answer with a status of 400 or above stands for. */
export async function reviveProblem(
  name: EngineName,
  response: Response,
): Promise<FlorenceError> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // Whatever stands between, such as a proxy, has no problem documents.
    return notThere(name, `status ${response.status}`, cause);
  }
  const problem = v.safeParse(ProblemSchema, value);
  if (!problem.success) return notThere(name, `status ${response.status}`);
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return revive(
    name,
    problem.output,
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}

/** Codes between the two hosts, which are no fault of the caller's. */
const BETWEEN_HOSTS: readonly ErrorCode[] = [
  "unauthenticated",
  "forbidden",
  "not_found",
  "method_not_allowed",
  "rate_limited",
  "quota_exceeded",
];

function revive(
  name: EngineName,
  { code, detail, errors, retryable }: Problem,
  retryAfterSeconds: number | null,
): FlorenceError {
  if (code === "unauthenticated" || code === "forbidden") {
    return notThere(name, "it refuses this host: both need the same FLORENCE_SECRET, and clocks that agree"); // prettier-ignore
  }
  if (BETWEEN_HOSTS.includes(code)) return notThere(name, code);
  if (code === "internal") return badOutput(name, "it failed on its side");
  return new FlorenceError(code, detail, {
    errors: errors ?? [],
    retryable,
    ...(retryAfterSeconds !== null && { retryAfterSeconds }),
  });
}

function notThere(
  name: EngineName,
  reason: string,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    `The engine ${name} cannot be asked (${reason}). Use another engine, or tell whoever runs this service.`,
    { cause },
  );
}

function badOutput(
  name: EngineName,
  reason: string,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError(
    "engine_bad_output",
    `The engine ${name} gave no answer that can be used: ${reason}. Try again; if it stays, both hosts may run different releases.`,
    { cause },
  );
}

function parseJson(name: EngineName, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badOutput(name, "it is not JSON", cause);
  }
}

function parse<Output>(
  name: EngineName,
  schema: v.GenericSchema<unknown, Output>,
  value: unknown,
): Output {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw badOutput(name, `${v.getDotPath(issue) ?? "it"} is wrong`);
}
