// From a schema's issues to what the caller is told: where, and what is wanted.

import type { BaseIssue } from "valibot";
import type { FieldError } from "../errors.ts";
import { nearestWord } from "./nearest.ts";

/** One issue of a schema, as far as it is read here. */
export type Issue = BaseIssue<unknown>;

/** Whether a strict object met a field it does not know. */
export function isUnknownField(issue: Issue): boolean {
  return issue.type === "strict_object" && issue.expected === "never";
}

/** Whether a field that must be there is not. */
export function isMissingField(issue: Issue): boolean {
  return issue.input === undefined && issue.path !== undefined;
}

/** JSON Pointer of an issue, behind a prefix such as `/tasks/2`. */
export function pointerOf(issue: Issue, prefix = ""): string {
  const keys = (issue.path ?? []).map(({ key }) =>
    String(key).replaceAll("~", "~0").replaceAll("/", "~1"),
  );
  return [prefix, ...keys].join("/");
}

/** The last key of an issue's path, `""` at the top. */
export function fieldOf(issue: Issue): string {
  const key = issue.path?.at(-1)?.key;
  return typeof key === "string" ? key : "";
}

/**
 * One entry per issue.
 *
 * @param describe says it better where it can; null leaves it to the schema.
 */
export function fieldErrors(
  issues: readonly Issue[],
  prefix: string,
  describe: (issue: Issue) => string | null = () => null,
): FieldError[] {
  return issues.map((issue) => ({
    pointer: pointerOf(issue, prefix),
    detail: describe(issue) ?? defaultDetail(issue),
  }));
}

function defaultDetail(issue: Issue): string {
  if (isUnknownField(issue)) return "unknown field";
  return isMissingField(issue) ? "required" : issue.message;
}

/** What to say of an unknown field: perhaps another was meant. */
export function unknownFieldDetail(
  issue: Issue,
  known: readonly string[],
): string {
  const meant = nearestWord(fieldOf(issue), known);
  return meant === null
    ? `unknown field; there is ${known.join(", ")}`
    : `unknown field, perhaps ${meant} was meant`;
}
