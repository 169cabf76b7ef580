// One row for each method and path: what it is, who may, what it takes and
// gives, and its handler. Routes, access, 405 and OpenAPI all come from it.

import type { Context, Hono } from "hono";
import type { GenericSchema } from "valibot";
import type { ErrorCode } from "../shared/errors.ts";
import type { Problem } from "../shared/schema/problem.ts";
import type { Principal, Scope } from "./principal.ts";

/** What every handler finds in its context. */
export interface AppEnv {
  readonly Variables: {
    readonly requestId: string;
    /** Our own step in the request's trace (W3C Trace Context), to be passed on. */
    readonly traceparent: string;
    /** Path of the operation that answers; none for 404. */
    readonly route: string | undefined;
    /** Code of the problem it was refused with. */
    readonly problemCode: ErrorCode | undefined;
    /** When the request came in, on the host's clock. */
    readonly startedMs: number;
    /** Set before a handler runs, unless its operation is public or signed. */
    readonly principal: Principal;
    /** Headers that the guard wants on the answer, refusals too. */
    readonly accessHeaders?: readonly (readonly [string, string])[];
    readonly errorForm: ErrorForm | undefined;
  };
}

export type App = Hono<AppEnv>;
export type AppContext = Context<AppEnv>;

/** JSON Schema or a Valibot schema it is made of. */
export type BodySchema = GenericSchema | Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly isRequired?: boolean;
  /** JSON Schema; a string if left out. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

export interface OperationResponse {
  readonly description: string;
  /** By media type; no body if left out. */
  readonly content?: Readonly<Record<string, BodySchema>>;
}

/** What errors look like where they are no problem documents. */
export interface ErrorForm {
  readonly schema: BodySchema;
  of(problem: Problem): object;
}

export interface Operation {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** OpenAPI's form: `/v1/jobs/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /**
   * A scope: a key with it is needed. `public`: nobody is asked. `signed`: the
   * handler checks a signature itself.
   */
  readonly access: Scope | "public" | "signed";
  /** Takes `Idempotency-Key`: answered once, then from what was kept. */
  readonly isIdempotent?: boolean;
  readonly parameters?: readonly Parameter[];
  readonly body?: {
    readonly isRequired?: boolean;
    /** By media type. */
    readonly content: Readonly<Record<string, BodySchema>>;
    /** Bodies that are right, by media type. */
    readonly examples?: Readonly<Record<string, unknown>>;
  };
  /** By status, errors left out. */
  readonly responses: Readonly<Record<number, OperationResponse>>;
  /** Codes it may fail with, beside those that every operation may. */
  readonly problems: readonly ErrorCode[];
  /** Problem documents if left out. */
  readonly errorForm?: ErrorForm;
  handle(context: AppContext): Response | Promise<Response>;
}

/** `/v1/jobs/{id}` as Hono has it: `/v1/jobs/:id`. */
export function routePath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/gu, ":$1");
}
