// Settings of the service from an environment: one variable for each field of
// `ServiceConfigSchema`, so that a new field needs nothing here.

import type * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";
import { nearestWord } from "../shared/schema/nearest.ts";
import {
  parseServiceConfig,
  ServiceConfigSchema,
  type ServiceConfig,
} from "./config.ts";

const PREFIX = "FLORENCE_";

/** Fields as given, not yet checked. */
export type Settings = Readonly<Record<string, unknown>>;

/** `public_url` is `FLORENCE_PUBLIC_URL`. */
export const SETTING_VARIABLES: readonly string[] = Object.keys(
  ServiceConfigSchema.entries,
).map(settingVariable);

/**
 * Reads the variables that are set. Text stands as it is, everything else as
 * JSON: `FLORENCE_RATE_PER_MINUTE=60`, `FLORENCE_ADDRESS_EXEMPTIONS='["nas"]'`.
 *
 * @param known variables that mean something else, such as flags' own.
 * @throws FlorenceError `invalid_request` for a value that is not JSON, and for
 *   a variable that is nearly one of ours: a misspelt one would be ignored.
 */
export function readSettings(
  environment: Readonly<Record<string, unknown>>,
  known: readonly string[] = [],
): Settings {
  const settings: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(ServiceConfigSchema.entries)) {
    const variable = settingVariable(field);
    const value = environment[variable];
    if (value === undefined || value === "") continue;
    settings[field] =
      // A host may give numbers and lists as what they are.
      typeof value !== "string" || isText(schema)
        ? value
        : parseJson(variable, value);
  }
  const names = [...SETTING_VARIABLES, ...known].map(withoutPrefix);
  for (const name of Object.keys(environment)) {
    if (!name.startsWith(PREFIX)) continue;
    const own = withoutPrefix(name);
    // What all have in common would make FLORENCE_URL near to each of them.
    const near = names.includes(own) ? null : nearestWord(own, names);
    if (near === null) continue;
    throw new FlorenceError(
      "invalid_request",
      `The environment has ${name}, which is no setting. Did you mean ${PREFIX}${near}?`,
    );
  }
  return settings;
}

/**
 * The service's configuration.
 *
 * @throws FlorenceError `invalid_request`, naming the variables and what they
 *   take.
 */
export function parseSettings(settings: Settings): ServiceConfig {
  return parseServiceConfig(settings, settingVariable);
}

function withoutPrefix(variable: string): string {
  return variable.slice(PREFIX.length);
}

function settingVariable(field: string): string {
  return PREFIX + field.toUpperCase();
}

/** Whether a field is text, maybe optional. */
function isText(schema: v.GenericSchema): boolean {
  if ("wrapped" in schema) return isText(schema.wrapped as v.GenericSchema);
  return schema.type === "string";
}

function parseJson(variable: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new FlorenceError(
      "invalid_request",
      `${variable} is not JSON. Write numbers and true as they are, lists as ["a","b"].`,
      { cause },
    );
  }
}
