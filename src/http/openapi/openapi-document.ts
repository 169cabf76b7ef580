// The OpenAPI 3.1 document, made of the operations that are really served.

import type { ErrorCode } from "../../shared/errors.ts";
import { FlorenceError } from "../../shared/errors.ts";
import {
  PROBLEMS,
  toProblem,
  type Problem,
} from "../../shared/schema/problem.ts";
import type { Operation, OperationResponse, Parameter } from "../operation.ts";
import { API_VERSION } from "./api-version.ts";
import {
  bodyJsonSchema,
  componentSchemas,
  type JsonSchema,
} from "./component-schemas.ts";
import { HEADERS, type HeaderName } from "./headers.ts";
import { webhookItems } from "./webhook-items.ts";

/** As OpenAPI has it; only what we write is looked at again. */
export type OpenApiDocument = Readonly<Record<string, unknown>> & {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, JsonSchema>>>
  >;
};

/** The document of a service at `publicUrl`. */
export function openApiDocument(
  operations: readonly Operation[],
  publicUrl: string,
): OpenApiDocument {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const operation of operations) {
    const item = (paths[operation.path] ??= {});
    item[operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: "3.1.1",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: {
      title: "Florence at the edge",
      version: API_VERSION,
      summary:
        "Questions about photos, answered with text, boxes and outlines.",
      description:
        "One image, up to 16 tasks, one answer; at once, as a stream, or later as a job with a signed webhook. Every error is a problem document (RFC 9457) whose `code` is one of a closed list.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({
      name,
    })),
    paths,
    webhooks: webhookItems(),
    components: {
      schemas: componentSchemas(),
      headers: HEADERS,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description:
            "An API key (`florence keys create`, `POST /v1/keys`), or a token of the configured issuer. What each operation needs is one scope of it.",
        },
      },
    },
  };
}

function describe(operation: Operation): JsonSchema {
  const { operationId, tag, summary, description, access, body } = operation;
  const isGuarded = isGuardedBy(access);
  const parameters = parametersOf(operation);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: isGuarded ? [{ bearer: [access] }] : [],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.isRequired ?? false,
            content: contentOf(body.content, body.examples),
          },
        }),
    responses: responsesOf(operation, isGuarded),
  };
}

/** Whether it needs a key. */
function isGuardedBy(access: Operation["access"]): boolean {
  return access !== "public" && access !== "signed";
}

function parametersOf({
  parameters = [],
  isIdempotent = false,
}: Operation): readonly JsonSchema[] {
  const all: readonly Parameter[] = isIdempotent
    ? [...parameters, IDEMPOTENCY_KEY]
    : parameters;
  return all.map(({ name, in: place, description, isRequired, schema }) => ({
    name,
    in: place,
    description,
    required: place === "path" || (isRequired ?? false),
    schema: schema ?? { type: "string" },
  }));
}

const IDEMPOTENCY_KEY: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  description:
    "The first answer under this key is given again for a day; the same key with another request is refused.",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
};

function contentOf(
  content: NonNullable<OperationResponse["content"]>,
  examples: Readonly<Record<string, unknown>> = {},
): JsonSchema {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, schema]) => [
      mediaType,
      {
        schema: bodyJsonSchema(schema),
        ...(mediaType in examples && { example: examples[mediaType] }),
      },
    ]),
  );
}

/** Its own answers and its problems; a status may have both. */
function responsesOf(operation: Operation, isGuarded: boolean): JsonSchema {
  const problems = problemResponses(operation, isGuarded);
  const responses: Record<string, DescribedResponse> = { ...problems };
  for (const [status, response] of Object.entries(operation.responses)) {
    const own = describeResponse(response, Number(status), operation);
    const problem = problems[status];
    responses[status] =
      problem === undefined
        ? own
        : {
            ...own,
            description: `${own.description} ${problem.description}`,
            content: { ...own.content, ...problem.content },
          };
  }
  return responses;
}

interface DescribedResponse {
  readonly description: string;
  readonly headers: JsonSchema;
  readonly content?: JsonSchema;
}

function describeResponse(
  { description, content }: OperationResponse,
  status: number,
  operation: Operation,
): DescribedResponse {
  return {
    description,
    headers: headersOf(status, operation),
    ...(content === undefined ? {} : { content: contentOf(content) }),
  };
}

/** Statuses that say when another try makes sense. */
const RETRIED = [409, 429, 503];

/** What a key keeps for a day is given again: anything that may stay so. */
function isReplayed(status: number): boolean {
  return status < 500 && status !== 401 && status !== 429;
}

function headersOf(
  status: number,
  { access, isIdempotent = false }: Operation,
): JsonSchema {
  const isGuarded = isGuardedBy(access);
  const names: HeaderName[] = ["X-Request-Id", "Server-Timing"];
  if (isGuarded && status !== 401) names.push("RateLimit", "RateLimit-Policy");
  if (status === 401) names.push("WWW-Authenticate");
  if (status === 202) names.push("Location");
  if (RETRIED.includes(status)) names.push("Retry-After");
  if (isIdempotent && isReplayed(status)) names.push("Idempotency-Replayed");
  return Object.fromEntries(
    names.map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

/** Its own codes and those that the app brings to every operation. */
function problemsOf(
  { problems, body, isIdempotent = false }: Operation,
  isGuarded: boolean,
): readonly ErrorCode[] {
  const guarded: readonly ErrorCode[] = [
    "unauthenticated",
    "forbidden",
    "rate_limited",
    // The issuer of tokens does not show its keys.
    "engine_unavailable",
  ];
  const idempotent: readonly ErrorCode[] = [
    "idempotency_key_invalid",
    "idempotency_in_progress",
    "idempotency_mismatch",
  ];
  const withBody: readonly ErrorCode[] = [
    "invalid_json",
    "invalid_request",
    "body_too_large",
    "unsupported_media_type",
  ];
  return [
    ...new Set([
      ...problems,
      ...(isGuarded ? guarded : []),
      ...(isIdempotent ? idempotent : []),
      ...(body === undefined ? [] : withBody),
      "internal" as const,
    ]),
  ];
}

/** One response for each status, with an example of each of its codes. */
function problemResponses(
  operation: Operation,
  isGuarded: boolean,
): Readonly<Record<string, DescribedResponse>> {
  const { path, errorForm } = operation;
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of problemsOf(operation, isGuarded)) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const mediaType =
    errorForm === undefined ? "application/problem+json" : "application/json";
  const schema =
    errorForm === undefined
      ? { $ref: "#/components/schemas/Problem" }
      : bodyJsonSchema(errorForm.schema);
  const exampleFor = (code: ErrorCode): object => {
    const problem = exampleOf(code, path);
    return errorForm?.of(problem) ?? problem;
  };
  return Object.fromEntries(
    [...byStatus].map(([status, own]) => [
      status,
      {
        description: own
          .map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`)
          .join(" "),
        headers: headersOf(status, operation),
        content: {
          [mediaType]: {
            schema,
            examples: Object.fromEntries(
              own.map((code) => [code, { value: exampleFor(code) }]),
            ),
          },
        },
      },
    ]),
  );
}

function exampleOf(code: ErrorCode, path: string): Problem {
  const error = new FlorenceError(
    code,
    `${PROBLEMS[code].title}: what was wrong, and what to do.`,
  );
  return toProblem(error, { instance: path, requestId: "req_01J" });
}
