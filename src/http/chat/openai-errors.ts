// Problems in OpenAI's form, which its clients read.

import * as v from "valibot";
import { ERROR_CODES } from "../../shared/errors.ts";
import type { Problem } from "../../shared/schema/problem.ts";
import type { ErrorForm } from "../operation.ts";

const OpenAiError = v.object({
  error: v.object({
    message: v.string(),
    type: v.string(),
    code: v.picklist(ERROR_CODES),
    param: v.nullable(v.string()),
  }),
});

/** `{"error": {message, type, code, param}}`; the code is ours. */
export const OPENAI_ERRORS: ErrorForm = {
  schema: OpenAiError,
  of: ({ detail, status, code, errors }: Problem) => ({
    error: {
      message: detail,
      type: typeOf(status),
      code,
      param: errors?.[0]?.pointer ?? null,
    },
  }),
};

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
