// `florence keys`: makes, lists and revokes API keys.

import { resolve } from "node:path";
import type { KeyDocument } from "../http/auth/key-document.ts";
import { SCOPES } from "../http/principal.ts";
import { DEFAULT_DATA_FOLDER } from "../server/data-folder.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import {
  openFolderDesk,
  openServiceDesk,
  type CreatedKey,
  type KeyDesk,
} from "./key-desk.ts";
import { paintFor } from "./paint.ts";
import { parseFlags, type FlagValues } from "./parse-flags.ts";
import { pickValue } from "./pick-value.ts";
import { usageError } from "./usage-error.ts";

const DAY_MS = 86_400_000;

/** What a key is for that is made without a word of it. */
const USUAL_SCOPES = SCOPES.filter((scope) => scope !== "admin");

const ACTIONS = ["create", "list", "revoke"] as const;

const FLAGS = {
  name: {
    type: "string",
    short: "n",
    value: "NAME",
    summary: "What the key is for; lists show it.",
  },
  scope: {
    type: "string",
    short: "s",
    value: "SCOPE",
    multiple: true,
    summary: `What it may do, of ${SCOPES.join(", ")}, with commas between; all but admin if left out.`,
  },
  tenant: {
    type: "string",
    value: "TENANT",
    summary:
      "Whose it is; no tenant sees what another has. default if left out.",
  },
  expires: {
    type: "string",
    value: "WHEN",
    summary:
      "When it ends: 90d, or a time such as 2027-01-31T12:00:00Z; never if left out.",
  },
  rate: {
    type: "string",
    value: "N",
    summary: "Requests a minute; the service's own number if left out.",
  },
  images: {
    type: "string",
    value: "N",
    summary: "Images a month; the service's own number if left out.",
  },
  data: {
    type: "string",
    short: "d",
    value: "DIR",
    summary: `Data folder of florence serve; ${DEFAULT_DATA_FOLDER} if left out.`,
  },
  url: {
    type: "string",
    value: "URL",
    summary:
      "A service over HTTP; FLORENCE_ADMIN_KEY has its admin key, or a key of scope admin.",
  },
  json: { type: "boolean", summary: "Print JSON." },
} as const;

type Flags = FlagValues<typeof FLAGS>;

/** Flags that only make sense where a key is made. */
const CREATE_FLAGS = [
  "name",
  "scope",
  "tenant",
  "expires",
  "rate",
  "images",
] as const satisfies readonly (keyof typeof FLAGS)[];

/** API keys. */
export const keysCommand: Command = {
  name: "keys",
  summary: "Make, list and revoke API keys",
  usage: "create | list | revoke ID... [flags]",
  description: [
    "Keys let callers into florence serve or a deployed service. A key is printed once, when it is made; what is kept is its hash.",
    "Without --url the keys are those of a data folder on this machine; the service may be running.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence keys create --name shop --scope analyze,jobs",
      comment: "make a key; it is all that goes to standard output",
    },
    {
      command: "florence keys list --url https://florence.example.com",
      comment: "list those of a deployed service",
    },
    {
      command: "florence keys revoke key_0c6f",
      comment: "end one, at once and for good",
    },
  ],
  run: runKeys,
};

async function runKeys(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("keys", FLAGS, argv);
  const [word, ...ids] = positionals;
  if (word === undefined) {
    throw usageError("Say what to do: create, list or revoke.", "keys");
  }
  const action = ACTIONS.find((one) => one === word);
  if (action === undefined) {
    throw usageError(
      `keys does create, list or revoke; "${word}" is none of them.`,
      "keys",
    );
  }
  checkWords(action, ids, values);
  const asked = action === "create" ? newKey(values) : {};
  const desk = await openDesk(action, values, io);
  try {
    switch (action) {
      case "create":
        printCreated(await desk.create(asked), values, io);
        break;
      case "list":
        printList(await desk.list(), values, io);
        break;
      case "revoke":
        for (const id of ids) {
          await desk.revoke(id);
          io.stderr.write(`Revoked ${id}.\n`);
        }
        break;
    }
  } finally {
    desk.close();
  }
  return exitCode("ok");
}

function checkWords(
  action: (typeof ACTIONS)[number],
  ids: readonly string[],
  values: Flags,
): void {
  if (action === "revoke" && ids.length === 0) {
    throw usageError("Name the keys to revoke by their ids.", "keys");
  }
  if (action !== "revoke" && ids.length > 0) {
    throw usageError(
      `keys ${action} takes flags only; "${ids[0]!}" is none.`,
      "keys",
    );
  }
  const useless = CREATE_FLAGS.find((flag) => values[flag] !== undefined);
  if (action !== "create" && useless !== undefined) {
    throw usageError(`--${useless} is for keys create only.`, "keys");
  }
  if (values.data !== undefined && values.url !== undefined) {
    throw usageError("--data and --url name two places; give one.", "keys");
  }
}

/** The body of `POST /v1/keys`. */
function newKey(values: Flags): Record<string, unknown> {
  const scopes = (values.scope ?? [USUAL_SCOPES.join(",")])
    .flatMap((list) => list.split(","))
    .map((scope) => pickValue("scope", scope.trim(), SCOPES));
  return {
    scopes: [...new Set(scopes)],
    ...(values.name !== undefined && { name: values.name }),
    ...(values.tenant !== undefined && { tenant: values.tenant }),
    ...(values.expires !== undefined && {
      expires_at: expiryOf(values.expires),
    }),
    ...(values.rate !== undefined && {
      rate_per_minute: wholeNumber("rate", values.rate),
    }),
    ...(values.images !== undefined && {
      images_per_month: wholeNumber("images", values.images),
    }),
  };
}

function expiryOf(text: string): string {
  const [, days] = /^(\d{1,5})d$/u.exec(text) ?? [];
  const ms =
    days === undefined ? Date.parse(text) : Date.now() + Number(days) * DAY_MS;
  if (!Number.isNaN(ms)) return new Date(ms).toISOString();
  throw usageError(
    `--expires wants days (90d) or a time (2027-01-31T12:00:00Z); "${text}" is neither.`,
    "keys",
  );
}

function wholeNumber(flag: string, text: string): number {
  if (/^[1-9]\d{0,8}$/u.test(text)) return Number(text);
  throw usageError(
    `--${flag} wants a whole number from 1; "${text}" is none.`,
    "keys",
  );
}

async function openDesk(
  action: (typeof ACTIONS)[number],
  { url, data }: Flags,
  { env, signal }: CliIo,
): Promise<KeyDesk> {
  if (url === undefined) {
    const folder = data ?? (env["FLORENCE_DATA"] || DEFAULT_DATA_FOLDER);
    return await openFolderDesk(resolve(folder), action === "create");
  }
  if (!URL.canParse(url) || !/^https?:/u.test(url)) {
    throw usageError(`--url wants an http address; "${url}" is none.`, "keys");
  }
  const adminKey = env["FLORENCE_ADMIN_KEY"] ?? "";
  if (!/^[\x21-\x7e]+$/u.test(adminKey)) {
    throw usageError(
      "FLORENCE_ADMIN_KEY has no key. Set it to the service's admin key, or to a key of scope admin.",
      "keys",
    );
  }
  return openServiceDesk(url, adminKey, signal);
}

function printCreated(
  created: CreatedKey,
  { json }: Flags,
  { stdout, stderr }: CliIo,
): void {
  if (json === true) {
    stdout.write(`${JSON.stringify(created, null, 2)}\n`);
    return;
  }
  const { id, tenant, scopes, key } = created;
  stderr.write(
    `Made ${id} of tenant ${tenant}: ${scopes.join(", ")}. This is the only time it is shown:\n`,
  );
  stdout.write(`${key}\n`);
}

function printList(
  keys: readonly KeyDocument[],
  { json }: Flags,
  { stdout, stderr, env }: CliIo,
): void {
  if (json === true) {
    stdout.write(`${JSON.stringify(keys, null, 2)}\n`);
    return;
  }
  if (keys.length === 0) {
    stderr.write("There are no keys yet: florence keys create.\n");
    return;
  }
  const paint = paintFor(stdout, env);
  const head = ["ID", "TENANT", "NAME", "SCOPES", "STATE"];
  const table = [head, ...keys.map(cells)];
  const widths = head.map((_, column) =>
    Math.max(...table.map((row) => row[column]!.length)),
  );
  for (const [index, row] of table.entries()) {
    const line = row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
    stdout.write(`${index === 0 ? paint("bold", line) : line}\n`);
  }
}

function cells(key: KeyDocument): string[] {
  const { id, tenant, name, scopes } = key;
  // A name may hold anything; a terminal must not obey it.
  const shown = name.replaceAll(/\p{Cc}/gu, "?");
  return [id, tenant, shown, scopes.join(","), stateOf(key)];
}

function stateOf(key: KeyDocument): string {
  if (key.revoked_at !== null) return `revoked ${key.revoked_at.slice(0, 10)}`;
  if (key.expires_at === null) return "valid";
  const day = key.expires_at.slice(0, 10);
  const isOver = Date.parse(key.expires_at) <= Date.now();
  return isOver ? `expired ${day}` : `valid until ${day}`;
}
