import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runFlorence } from "./run-florence.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const FILES: Readonly<Record<string, string>> = {
  "config.json": "{}",
  "model.safetensors": "weights",
  "notes.txt": "not needed",
};

/** A server that speaks as the Hub does, for one small repository. */
const asked: { path: string; token: string | undefined }[] = [];
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "", "http://localhost");
  asked.push({ path: pathname, token: request.headers.authorization });
  if (/^\/api\/models\/me\/tiny\/revision\/(?:main|v2)$/u.test(pathname)) {
    const siblings = Object.entries(FILES).map(([rfilename, text]) => ({
      rfilename,
      size: text.length,
    }));
    response.end(JSON.stringify({ sha: COMMIT, siblings }));
    return;
  }
  const file = pathname.replace(`/me/tiny/resolve/${COMMIT}/`, "");
  const text = FILES[file];
  if (text === undefined) response.writeHead(404).end();
  else response.end(text);
});

const folder = mkdtempSync(join(tmpdir(), "florence-pull-"));
let env: Record<string, string>;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  env = { HF_ENDPOINT: `http://127.0.0.1:${port}`, HF_TOKEN: "hf_secret" };
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

test("pulls what convert needs from the endpoint, with the token", async () => {
  const out = join(folder, "tiny");
  const { code, stdout, stderr } = await runFlorence(
    ["pull", "me/tiny@v2", "--out", out],
    { env },
  );
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^Pulled me\/tiny at 0123456789ab into .*: checkpoint, 2 files/u,
  );
  assert.equal(readFileSync(join(out, "model.safetensors"), "utf8"), "weights");
  assert.equal(asked[0]?.path, "/api/models/me/tiny/revision/v2");
  assert.ok(asked.every(({ token }) => token === "Bearer hf_secret"));
  assert.ok(!stdout.includes("hf_secret"));
});

test("says that there is no such repository, with the exit code of it", async () => {
  const { code, stderr } = await runFlorence(
    ["pull", "me/other", "--out", join(folder, "other")],
    { env },
  );
  assert.equal(code, 3, stderr);
  assert.match(stderr, /me\/other/u);
});

test("refuses what is no repository", async () => {
  for (const args of [[], ["a", "b"], ["../etc"], ["a/b/c"]]) {
    const { code, stderr } = await runFlorence(["pull", ...args], { env });
    assert.equal(code, 2);
    assert.match(stderr, /OWNER\/NAME/u);
  }
});
