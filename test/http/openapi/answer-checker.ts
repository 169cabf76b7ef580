// Holds what a service answers to what its OpenAPI document says of it: status,
// media type, body, and the headers a client must be told of.

import assert from "node:assert/strict";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { openApiDocument } from "../../../src/http/openapi/openapi-document.ts";
import type { Operation } from "../../../src/http/operation.ts";

/** Fails where an answer is not as the document has it. */
export type CheckAnswer = (
  method: string,
  path: string,
  answer: Response,
) => Promise<void>;

/** Headers that an answer may have only where the document lists them. */
const TOLD_HEADERS = [
  "Idempotency-Replayed",
  "Location",
  "Retry-After",
  "WWW-Authenticate",
];

/** Of what any path may answer, whatever the document says of it. */
const ANYWHERE = [404, 405];

interface Described {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
}

/** A checker of what `operations` answer. */
export function createAnswerChecker(
  operations: readonly Operation[],
): CheckAnswer {
  const document = openApiDocument(operations, "http://florence.test");
  const ajv = new Ajv2020({
    strict: false,
    // What the document itself is held to is another test's matter.
    validateSchema: false,
    validateFormats: false,
  });
  ajv.addSchema({ ...document, $id: "openapi.json" });
  const validators = new Map<string, ValidateFunction>();
  const routes = operations.map(({ method, path }) => ({
    method,
    path,
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/gu, "[^/]+")}$`, "u"),
  }));

  const validatorOf = (...pointer: readonly string[]): ValidateFunction => {
    const reference = `openapi.json#/${pointer.map(escape).join("/")}`;
    let validator = validators.get(reference);
    if (validator === undefined) {
      validator = ajv.compile({ $ref: reference });
      validators.set(reference, validator);
    }
    return validator;
  };

  return async (method, path, answer) => {
    const { status } = answer;
    const route = routes.find(
      (one) => one.method === method && one.pattern.test(path),
    );
    if (route === undefined) {
      const isOther = ANYWHERE.includes(status) || method === "HEAD";
      assert.ok(isOther, `${method} ${path} is not described: ${status}`);
      return;
    }
    const what = `${route.method} ${route.path}, ${status}`;
    const key = route.method.toLowerCase();
    const { responses } = document.paths[route.path]![key] as {
      readonly responses: Readonly<Record<string, Described>>;
    };
    const described = responses[status];
    assert.ok(described !== undefined, `${what} is not described`);
    for (const name of TOLD_HEADERS) {
      const isTold = Object.keys(described.headers ?? {}).includes(name);
      assert.ok(isTold || !answer.headers.has(name), `${what}: ${name}`);
    }
    const mediaType = answer.headers.get("Content-Type")?.split(";")[0];
    const { content } = described;
    // An answer whose body is not described says nothing to hold it to.
    if (mediaType === undefined || content === undefined) return;
    assert.ok(mediaType in content, `${what}: ${mediaType} is not described`);
    if (!/json$/u.test(mediaType)) return;
    const text = await textOf(answer);
    if (text === "") return; // an answer to HEAD, or one already read
    const validate = validatorOf(
      ...["paths", route.path, key, "responses", String(status)],
      ...["content", mediaType, "schema"],
    );
    const isValid = validate(JSON.parse(text));
    assert.ok(isValid, `${what}: ${ajv.errorsText(validate.errors)}\n${text}`);
  };
}

function escape(name: string): string {
  const pointer = name.replaceAll("~", "~0").replaceAll("/", "~1");
  return encodeURIComponent(pointer);
}

async function textOf(answer: Response): Promise<string> {
  return await answer.clone().text();
}
