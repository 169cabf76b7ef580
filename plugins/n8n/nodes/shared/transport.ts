// Every request to the service: credentials, errors with the service's own words,
// and further tries when it asks for them.

import type {
  IDataObject,
  IExecuteFunctions,
  IHookFunctions,
  IHttpRequestMethods,
  IHttpRequestOptions,
  ILoadOptionsFunctions,
  IWebhookFunctions,
  JsonObject,
} from "n8n-workflow";
import { NodeApiError, NodeOperationError, sleep } from "n8n-workflow";
import { isObject } from "./json.ts";
import { readFault, retryAfterMs, type Answer } from "./problem.ts";

export type FlorenceContext =
  | IExecuteFunctions
  | IHookFunctions
  | ILoadOptionsFunctions
  | IWebhookFunctions;

export interface Call {
  readonly method: IHttpRequestMethods;
  /** Below the base URL, e.g. `/v1/analyze`. */
  readonly path: string;
  readonly body?: FormData | IDataObject;
  readonly headers?: IDataObject;
  readonly timeoutMs?: number;
  /** How often to try again after 429 and 503. */
  readonly retries?: number;
  /** The item it is for, named in errors. */
  readonly itemIndex?: number;
  /** Statuses of 400 and more that are an answer, not an error. */
  readonly accepts?: readonly number[];
}

/** A longer wait than this is told to the user in place of being waited for. */
const LONGEST_WAIT_MS = 60_000;

const FIRST_WAIT_MS = 1000;

/** How long a pause goes without looking whether the workflow was stopped. */
const SLICE_MS = 250;

const TIMEOUT_MS = 30_000;

/**
 * Asks the service.
 *
 * @throws NodeApiError with the service's title, detail, fields and request id;
 *   NodeOperationError where it cannot be reached.
 */
export async function callFlorence(
  context: FlorenceContext,
  call: Call,
): Promise<Answer> {
  const { baseUrl } = await context.getCredentials("florenceApi");
  const url = `${String(baseUrl).trim().replace(/\/+$/u, "")}${call.path}`;
  for (let attempt = 0; ; attempt += 1) {
    const answer = await send(context, url, call);
    const isFine =
      answer.status < 400 || call.accepts?.includes(answer.status) === true;
    if (isFine) return answer;
    const waitMs = waitBeforeNext(answer, attempt, call.retries ?? 0);
    if (waitMs === null) throw apiError(context, answer, url, call);
    await pause(waitMs, signalOf(context));
  }
}

async function send(
  context: FlorenceContext,
  url: string,
  call: Call,
): Promise<Answer> {
  const options: IHttpRequestOptions = {
    method: call.method,
    url,
    headers: { Accept: "application/json", ...call.headers },
    timeout: call.timeoutMs ?? TIMEOUT_MS,
    returnFullResponse: true,
    ignoreHttpStatusErrors: true,
    ...(call.body !== undefined && { body: call.body }),
    ...(call.body !== undefined &&
      !(call.body instanceof FormData) && { json: true }),
  };
  const signal = signalOf(context);
  if (signal !== undefined) options.abortSignal = signal;
  try {
    const response = (await context.helpers.httpRequestWithAuthentication.call(
      context,
      "florenceApi",
      options,
    )) as { statusCode: number; headers: IDataObject; body: unknown };
    return {
      status: response.statusCode,
      headers: response.headers,
      body: parsed(response.body),
    };
  } catch (error) {
    throw unreachable(context, url, error, call);
  }
}

/** How long to wait before the next try; null if there is none. */
function waitBeforeNext(
  answer: Answer,
  attempt: number,
  retries: number,
): number | null {
  const isBusy = answer.status === 429 || answer.status === 503;
  if (!isBusy || attempt >= retries) return null;
  const waitMs =
    retryAfterMs(answer.headers, Date.now()) ?? FIRST_WAIT_MS * 2 ** attempt;
  return waitMs > LONGEST_WAIT_MS ? null : waitMs;
}

/** Waits, or less if the workflow is stopped. */
export async function pause(
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const end = Date.now() + ms;
  while (signal?.aborted !== true) {
    const left = end - Date.now();
    if (left <= 0) return;
    await sleep(Math.min(left, SLICE_MS));
  }
}

/** Aborted when the workflow is stopped, where n8n tells. */
export function signalOf(context: FlorenceContext): AbortSignal | undefined {
  return "getExecutionCancelSignal" in context
    ? context.getExecutionCancelSignal()
    : undefined;
}

function apiError(
  context: FlorenceContext,
  answer: Answer,
  url: string,
  { itemIndex }: Call,
): NodeApiError {
  const { message, description, code } = readFault(answer, url);
  const response = isObject(answer.body) ? answer.body : {};
  const error = new NodeApiError(context.getNode(), response as JsonObject, {
    message,
    description,
    httpCode: String(answer.status),
    ...(itemIndex !== undefined && { itemIndex }),
  });
  if (code !== null) error.context["code"] = code;
  return error;
}

function unreachable(
  context: FlorenceContext,
  url: string,
  error: unknown,
  { itemIndex, timeoutMs = TIMEOUT_MS }: Call,
): NodeOperationError {
  const text =
    error instanceof Error ? `${error.message} ${codeOf(error)}` : "";
  const isLate = /timeout|ECONNABORTED|ETIMEDOUT/u.test(text);
  return new NodeOperationError(
    context.getNode(),
    isLate
      ? `No answer from the Florence service at ${url} within ${timeoutMs / 1000} s`
      : `The Florence service at ${url} cannot be reached`,
    {
      description: `${
        isLate
          ? "Raise Timeout in Options, or set Run As Job."
          : "Check that it runs, and the Base URL of the credential."
      } ${text.trim()}`,
      ...(itemIndex !== undefined && { itemIndex }),
    },
  );
}

/** The codes that say which network error it was, from the innermost out. */
function codeOf(error: Error): string {
  const codes: string[] = [];
  let one: unknown = error;
  for (
    let depth = 0;
    depth < 5 && typeof one === "object" && one !== null;
    depth += 1
  ) {
    const code: unknown = Reflect.get(one, "code");
    if (typeof code === "string" && !codes.includes(code)) codes.push(code);
    one = Reflect.get(one, "cause") ?? Reflect.get(one, "errorResponse");
  }
  return codes.join(" ");
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
