// Builds the Dockerfile as it is and asks the image about a photo, where there is
// neither Docker nor a registry of images.
//
//   npm run test:container
//
// Needs root on Debian, with the packages buildah and mmdebstrap; takes some
// minutes and a gigabyte. The base image is a stand-in of Debian's packages and
// this project's Node, under the name that the Dockerfile asks for, so that it
// shows nothing of the real one. Both images are removed at the end.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BASE = /^FROM (\S+) AS packages$/mu.exec(
  readFileSync(join(ROOT, "Dockerfile"), "utf8"),
)![1]!;
const IMAGE = "localhost/florence:test";
const ORIGIN = "http://127.0.0.1:8080";
const ADMIN_KEY = "an-admin-key-of-the-tests-0123456789";

/** What `buildah inspect` tells of an image, as far as it is needed. */
interface ImageConfig {
  readonly User: string;
  readonly WorkingDir: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Healthcheck: { readonly Test: readonly string[] };
}

const folder = mkdtempSync(join(tmpdir(), "florence-container-"));
try {
  if (images().includes(BASE)) {
    throw new Error(`There is a real ${BASE} here: build with that instead.`);
  }
  makeBase(join(folder, "root"));
  buildah("bud", "--isolation", "chroot", "--pull-never", "--format", "docker", "-t", IMAGE, ROOT); // prettier-ignore
  const container = buildah("from", "--pull-never", IMAGE);
  try {
    await tryImage(buildah("mount", container));
  } finally {
    buildah("rm", container);
  }
  console.log("1 passed, 0 failed");
} finally {
  for (const image of [IMAGE, BASE]) {
    if (images().includes(image)) buildah("rmi", "--force", image);
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Makes the base image: Debian, Node, npm and the user `node`. */
function makeBase(root: string): void {
  run("mmdebstrap", "--variant=minbase", "--include=ca-certificates,libstdc++6", "bookworm", root); // prettier-ignore
  cpSync(process.execPath, join(root, "usr/local/bin/node"));
  const modules = join(root, "usr/local/lib/node_modules");
  mkdirSync(modules, { recursive: true });
  // `npm` is a link to `npm/bin/npm-cli.js`.
  const npm = dirname(dirname(realpathSync(run("which", "npm"))));
  cpSync(npm, join(modules, "npm"), { recursive: true });
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm")); // prettier-ignore
  run("chroot", root, "useradd", "--uid", "1000", "--create-home", "node");
  // How this machine reaches packages is no business of the Dockerfile's.
  const registry = run("npm", "config", "get", "registry");
  const npmrc = join(root, "usr/local/etc/npmrc");
  mkdirSync(dirname(npmrc), { recursive: true });
  const certificates = "/etc/ssl/certs/ca-certificates.crt";
  writeFileSync(npmrc, `registry=${registry}\ncafile=${certificates}\n`);
  if (existsSync(certificates)) {
    cpSync(certificates, join(root, certificates), { dereference: true });
  }
  const container = buildah("from", "scratch");
  buildah("copy", "--quiet", container, root, "/");
  buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container);
  buildah("commit", "--rm", container, `docker.io/library/${BASE}`);
}

/** Starts the image as its configuration says, asks it, and ends it. */
async function tryImage(root: string): Promise<void> {
  const { Docker } = JSON.parse(
    buildah("inspect", "--type", "image", IMAGE),
  ) as { readonly Docker: { readonly config: ImageConfig } };
  const { config } = Docker;
  assert.equal(config.User, "node");
  const user = run("chroot", root, "id", "--user", "node");
  const within = (command: readonly string[]): string[] => [
    ...[
      "--fork",
      "--pid",
      "--kill-child",
      "--mount-proc=" + join(root, "proc"),
    ],
    ...["chroot", `--userspec=${user}:${user}`, root, "env", "-i"],
    ...["-C", config.WorkingDir, ...config.Env],
    ...[`FLORENCE_ADMIN_KEY=${ADMIN_KEY}`, `FLORENCE_PUBLIC_URL=${ORIGIN}`],
    ...command,
  ];
  const isHealthy = (): boolean => {
    try {
      run("unshare", ...within(config.Healthcheck.Test.slice(1)));
      return true;
    } catch {
      return false; // that is how the check tells it
    }
  };
  assert.equal(isHealthy(), false, "something else listens on 8080");
  const child = spawn("unshare", within(config.Entrypoint), {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  try {
    for await (const line of createInterface({ input: child.stderr })) {
      console.log(`  ${line}`);
      if (line.includes("listening on")) break;
    }
    assert.ok(isHealthy());
    const key = await makeKey();
    // The second and third wait while the first is answered.
    const answers = [ask(key), ask(key), ask(key)];
    assert.match(await Promise.race(answers), /"text":"A bear/u);
    const inner = run("pgrep", "--parent", String(child.pid));
    process.kill(Number(inner), "SIGTERM");
    for (const answer of await Promise.all(answers)) {
      assert.match(answer, /"status":"completed"/u);
    }
    await exited;
    assert.equal(isHealthy(), false);
  } finally {
    child.kill("SIGKILL");
  }
}

async function makeKey(): Promise<string> {
  const response = await fetch(`${ORIGIN}/v1/keys`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${ADMIN_KEY}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ name: "test", tenant: "one", scopes: ["analyze"] }),
  });
  const { key } = (await response.json()) as { readonly key: string };
  return key;
}

async function ask(key: string): Promise<string> {
  const response = await fetch(`${ORIGIN}/v1/analyze?tasks=caption,detect`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${key}`,
      "Content-Type": "image/jpeg",
    },
    body: readFileSync(join(ROOT, "examples/photos/bear.jpg")),
  });
  return await response.text();
}

/** Names of all images, as `name:tag`. */
function images(): readonly string[] {
  return buildah("images", "--format", "{{.Name}}:{{.Tag}}")
    .split("\n")
    .map((name) => name.replace(/^docker\.io\/library\//u, ""));
}

function buildah(...words: readonly string[]): string {
  return run("buildah", ...words);
}

/** Runs a command and returns what it prints, trimmed. */
function run(command: string, ...words: readonly string[]): string {
  return execFileSync(command, words, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
}
