// Requests of the three forms, and readers of the two kinds of answer.

import assert from "node:assert/strict";
import type { App } from "../../src/http/operation.ts";
import type { Problem } from "../../src/shared/schema/problem.ts";
import type { ErrorCode } from "../../src/shared/errors.ts";
import { PHOTO } from "./bad-images.ts";

/** Posts an image as the body. */
export async function analyzeRaw(
  app: App,
  query: string,
  bytes: Uint8Array<ArrayBuffer> = PHOTO,
  headers: Readonly<Record<string, string>> = { "Content-Type": "image/jpeg" },
): Promise<Response> {
  return await app.request(`/v1/analyze?${query}`, {
    method: "POST",
    headers,
    body: bytes,
  });
}

/** Posts a multipart body. */
export async function analyzeParts(
  app: App,
  body: FormData,
): Promise<Response> {
  return await app.request("/v1/analyze", { method: "POST", body });
}

/** Posts a JSON body. */
export async function analyzeJson(app: App, body: unknown): Promise<Response> {
  return await app.request("/v1/analyze", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** A request whose body comes as a stream. */
export function streamedImage(
  body: ReadableStream,
  headers: Readonly<Record<string, string>> = {},
): Request {
  // Node's fetch wants `duplex` for a stream; its types do not know it.
  const init = {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", ...headers },
    body,
    duplex: "half",
  };
  return new Request("http://localhost/v1/analyze?tasks=caption", init);
}

/** The good photo and a request as parts. */
export function partsOf(request: unknown): FormData {
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "photo.jpg");
  form.set("request", JSON.stringify(request));
  return form;
}

/** The envelope's parts that these tests look at. */
export interface ReadEnvelope {
  readonly object: string;
  readonly status: string;
  readonly results: readonly (Readonly<Record<string, unknown>> & {
    readonly id: string;
    readonly task: string;
    readonly status: string;
  })[];
  readonly usage: { readonly vision_passes: number };
  readonly engine: { readonly used: string };
  readonly metadata: unknown;
}

/** Reads an envelope; fails with the problem if it is one. */
export async function readEnvelope(response: Response): Promise<ReadEnvelope> {
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as ReadEnvelope;
}

/** Reads a problem document and checks what all of them have. */
export async function readProblem(
  response: Response,
  code: ErrorCode,
): Promise<Problem> {
  const text = await response.text();
  assert.equal(
    response.headers.get("Content-Type"),
    "application/problem+json",
    text,
  );
  const problem = JSON.parse(text) as Problem;
  assert.equal(problem.code, code, text);
  assert.equal(problem.status, response.status);
  assert.equal(problem.request_id, response.headers.get("X-Request-Id"));
  assert.ok(problem.type.endsWith(code.replaceAll("_", "-")));
  return problem;
}
