// n8n itself, from npm, with our package unpacked as it would install it; and its
// own REST interface, as the editor uses it.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";

export interface N8nOptions {
  /** `node_modules` of n8n. */
  readonly tree: string;
  readonly userFolder: string;
  readonly port: number;
  readonly binaryMode: "default" | "filesystem";
}

export interface Credential {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

export interface N8n {
  readonly origin: string;
  /** Its log so far. */
  log(): string;
  rest(method: string, path: string, body?: object): Promise<unknown>;
  /** A file, as the editor downloads it. */
  bytes(path: string): Promise<Buffer>;
  end(): Promise<void>;
}

/** Who signs in, known to tests only. */
export const OWNER = {
  email: "owner@example.com",
  firstName: "Test",
  lastName: "Owner",
  password: "Passw0rd-of-tests",
} as const;

/** Nothing of it calls home. */
function environment({ userFolder, port, binaryMode }: N8nOptions) {
  const origin = `http://127.0.0.1:${port}`;
  return {
    ...process.env,
    PATH: `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}`,
    N8N_USER_FOLDER: userFolder,
    N8N_HOST: "127.0.0.1",
    N8N_LISTEN_ADDRESS: "127.0.0.1",
    N8N_PORT: String(port),
    N8N_PROTOCOL: "http",
    WEBHOOK_URL: `${origin}/`,
    DB_TYPE: "sqlite",
    N8N_ENCRYPTION_KEY: "of-the-tests-only",
    N8N_SECURE_COOKIE: "false",
    N8N_RUNNERS_MODE: "internal",
    N8N_RUNNERS_BROKER_PORT: String(port + 1),
    N8N_DEFAULT_BINARY_DATA_MODE: binaryMode,
    N8N_DIAGNOSTICS_ENABLED: "false",
    N8N_DIAGNOSTICS_CONFIG_FRONTEND: "",
    N8N_DIAGNOSTICS_CONFIG_BACKEND: "",
    EXTERNAL_FRONTEND_HOOKS_URLS: "",
    N8N_VERSION_NOTIFICATIONS_ENABLED: "false",
    N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED: "false",
    N8N_TEMPLATES_ENABLED: "false",
    N8N_DYNAMIC_BANNERS_ENABLED: "false",
    N8N_HIRING_BANNER_ENABLED: "false",
    N8N_PERSONALIZATION_ENABLED: "false",
    N8N_LICENSE_AUTO_RENEW_ENABLED: "false",
    N8N_AI_ENABLED: "false",
    N8N_DISABLED_MODULES: "mcp-registry,instance-ai,chat-hub,insights",
    N8N_VERIFIED_PACKAGES_ENABLED: "false",
    N8N_REINSTALL_MISSING_PACKAGES: "false",
    N8N_COMMUNITY_PACKAGES_ENABLED: "true",
  };
}

/** Puts the tarball where n8n keeps community packages. */
export function installPackage(userFolder: string, tarball: string): void {
  const folder = join(userFolder, ".n8n/nodes/node_modules/n8n-nodes-florence");
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync(
    "tar",
    ["xzf", tarball, "--strip-components=1", "-C", folder],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`tar: ${stderr}`);
}

/** Imports credentials and workflows; n8n must not be running. */
export function importInto(
  options: N8nOptions,
  kind: "credentials" | "workflow",
  entries: readonly object[],
): void {
  const file = join(options.userFolder, `${kind}.json`);
  writeFileSync(file, JSON.stringify(entries));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [n8nOf(options), `import:${kind}`, `--input=${file}`],
    { env: environment(options), encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`import:${kind}: ${stdout}${stderr}`);
}

/** Starts it, and signs in as its owner. */
export async function startN8n(options: N8nOptions): Promise<N8n> {
  const origin = `http://127.0.0.1:${options.port}`;
  const child = spawn(process.execPath, [n8nOf(options), "start"], {
    env: environment(options),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stdout.on("data", (text) => (log += String(text)));
  child.stderr.on("data", (text) => (log += String(text)));
  const exited = new Promise<void>((resolve) => {
    child.on("exit", () => {
      resolve();
    });
  });
  while (!(await isReady(origin))) {
    if (child.exitCode !== null) throw new Error(`n8n ended:\n${log}`);
    await wait(200);
  }
  const headers = {
    // One that n8n is about to close must not be used again.
    Connection: "close",
    "Content-Type": "application/json",
    "browser-id": "test",
  };
  const signIn = async (path: string, body: object): Promise<Response> =>
    await fetch(origin + path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
  let signed = await signIn("/rest/owner/setup", OWNER);
  if (!signed.ok) {
    const { email, password } = OWNER;
    signed = await signIn("/rest/login", {
      emailOrLdapLoginId: email,
      password,
    });
  }
  if (!signed.ok) throw new Error(`sign in: ${await signed.text()}`);
  const cookies = signed.headers.getSetCookie().map((one) => one.split(";")[0]);
  const ask = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<Buffer> => {
    const response = await fetch(origin + path, {
      method,
      headers: { ...headers, Cookie: cookies.join("; ") },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.ok) return bytes;
    throw new Error(
      `${method} ${path}: ${response.status} ${bytes.toString("utf8")}`,
    );
  };
  return {
    origin,
    log: () => log,
    async rest(method, path, body) {
      const text = (await ask(method, path, body)).toString("utf8");
      const answer = JSON.parse(text) as { readonly data?: unknown };
      return answer.data ?? answer;
    },
    bytes: (path) => ask("GET", path),
    async end() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function isReady(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}/healthz/readiness`)).ok;
  } catch {
    return false; // not listening yet
  }
}

function n8nOf({ tree }: N8nOptions): string {
  return join(tree, "node_modules/n8n/bin/n8n");
}
