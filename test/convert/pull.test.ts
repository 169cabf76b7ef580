// Pulling, against a small server that redirects, cuts, lies and refuses.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pullRepository, type PullProgress } from "../../src/convert/index.ts";
import { isFlorenceError } from "../../src/shared/errors.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const WEIGHTS = Buffer.alloc(300_000, "florence");
const CONFIG = Buffer.from('{"model_type":"florence2"}');

interface Hub {
  readonly endpoint: string;
  /** `METHOD path range` of every request. */
  readonly requests: string[];
  /** Authorization headers that reached the storage host. */
  readonly leaked: string[];
}

interface HubOptions {
  readonly files?: Readonly<Record<string, Buffer>>;
  /**
   * Given, the first download of the weights stops half-way and is cut when
   * this resolves: bytes still under way would be lost with the connection.
   */
  readonly cut?: Promise<unknown>;
  readonly weightsHash?: string;
  readonly token?: string;
  /** Whether the listing leaves out the hash of large files. */
  readonly hidesHash?: boolean;
}

const sha256 = (bytes: Buffer): string =>
  createHash("sha256").update(bytes).digest("hex");
const blobId = (bytes: Buffer): string =>
  createHash("sha1")
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest("hex");

const CHECKPOINT = {
  "config.json": CONFIG,
  "tokenizer.json": Buffer.from("{}"),
  "model.safetensors": WEIGHTS,
  "pytorch_model.bin": Buffer.from("pickle"),
  "modeling_florence2.py": Buffer.from("print()"),
  "../evil.json": Buffer.from("{}"),
};

/** Runs a hub and a storage host on this machine for one test. */
async function withHub(
  options: HubOptions,
  use: (hub: Hub, folder: string) => Promise<void>,
): Promise<void> {
  const files: Readonly<Record<string, Buffer>> = options.files ?? CHECKPOINT;
  const requests: string[] = [];
  const leaked: string[] = [];
  let cuts = options.cut === undefined ? 0 : 1;

  const storage = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? "").slice(1));
    const bytes = files[name]!;
    if (request.headers.authorization !== undefined)
      leaked.push(request.headers.authorization);
    requests.push(`GET ${name} ${request.headers.range ?? "whole"}`);
    const start = Number(
      /^bytes=(\d+)-$/u.exec(request.headers.range ?? "")?.[1] ?? 0,
    );
    if (start >= bytes.length) {
      response.writeHead(416).end();
      return;
    }
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": bytes.length - start,
      ...(start > 0
        ? {
            "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
          }
        : {}),
    });
    if (cuts > 0 && name === "model.safetensors") {
      cuts -= 1;
      response.write(bytes.subarray(start, bytes.length >> 1));
      void options.cut?.then(() => response.destroy());
      return;
    }
    response.end(bytes.subarray(start));
  });
  const hub = createServer((request, response) => {
    answerAsHub(request, response, files, options, storage);
  });
  const folder = mkdtempSync(join(tmpdir(), "florence-pull-"));
  try {
    for (const server of [storage, hub])
      await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = hub.address() as AddressInfo;
    await use(
      { endpoint: `http://127.0.0.1:${port}`, requests, leaked },
      folder,
    );
  } finally {
    for (const server of [storage, hub]) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true });
  }
}

function answerAsHub(
  request: IncomingMessage,
  response: ServerResponse,
  files: Readonly<Record<string, Buffer>>,
  options: HubOptions,
  storage: ReturnType<typeof createServer>,
): void {
  const url = new URL(request.url ?? "", "http://hub");
  if (
    options.token !== undefined &&
    request.headers.authorization !== `Bearer ${options.token}`
  ) {
    response.writeHead(401).end();
  } else if (url.pathname === "/api/models/owner/model/revision/main") {
    const siblings = Object.entries(files).map(([name, bytes]) => {
      const isLarge = bytes.length > 1000;
      const hash = options.weightsHash ?? sha256(bytes);
      if (isLarge && options.hidesHash === true) return { rfilename: name };
      return isLarge
        ? {
            rfilename: name,
            size: bytes.length,
            lfs: { sha256: hash, size: bytes.length },
          }
        : { rfilename: name, size: bytes.length, blobId: blobId(bytes) };
    });
    response.end(JSON.stringify({ sha: COMMIT, siblings }));
  } else if (url.pathname.startsWith(`/owner/model/resolve/${COMMIT}/`)) {
    const name = url.pathname.split("/").slice(5).join("/");
    const { port } = storage.address() as AddressInfo;
    response.writeHead(302, {
      location: `http://127.0.0.1:${port}/${encodeURIComponent(name)}`,
      "x-linked-etag": `"${options.weightsHash ?? sha256(files[name]!)}"`,
    });
    response.end();
  } else {
    response.writeHead(404).end();
  }
}

const hasCode = (code: string, words?: RegExp) => (error: unknown) =>
  isFlorenceError(error) &&
  error.code === code &&
  (words?.test(error.message) ?? true);

test("pulls configs, tokenizer and safetensors, and nothing else", async () => {
  await withHub({}, async ({ endpoint }, directory) => {
    const seen: PullProgress[] = [];
    const onProgress = (progress: PullProgress): void =>
      void seen.push(progress);
    const pulled = await pullRepository({
      repo: "owner/model",
      endpoint,
      directory,
      onProgress,
    });
    assert.equal(pulled.commit, COMMIT);
    assert.equal(pulled.kind, "checkpoint");
    assert.deepEqual(readdirSync(directory).sort(), [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    assert.deepEqual(
      readFileSync(join(directory, "model.safetensors")),
      WEIGHTS,
    );
    assert.equal(seen.at(-1)?.doneBytes, seen.at(-1)?.totalBytes);
  });
});

test("goes on after a cut connection, and keeps what is already there", async () => {
  const { promise: cut, resolve: cutNow } = Promise.withResolvers<null>();
  await withHub({ cut }, async ({ endpoint, requests }, directory) => {
    const options = {
      repo: "owner/model",
      endpoint,
      directory,
      onProgress: ({ item, doneBytes }: PullProgress) => {
        if (item === "model.safetensors" && doneBytes > 0) cutNow(null);
      },
    };
    await pullRepository(options);
    const ranges = requests.filter((line) =>
      line.includes("model.safetensors"),
    );
    assert.equal(ranges.length, 2);
    assert.match(ranges[1]!, /bytes=\d+-$/u);
    assert.deepEqual(
      readFileSync(join(directory, "model.safetensors")),
      WEIGHTS,
    );

    const before = requests.length;
    await pullRepository(options);
    assert.equal(requests.length, before);
  });
});

test("resumes what an earlier run left", async () => {
  await withHub({}, async ({ endpoint, requests }, directory) => {
    const part = `model.safetensors.${sha256(WEIGHTS).slice(0, 12)}.part`;
    writeFileSync(join(directory, part), WEIGHTS.subarray(0, 1234));
    await pullRepository({ repo: "owner/model", endpoint, directory });
    assert.ok(requests.includes("GET model.safetensors bytes=1234-"));
    assert.deepEqual(
      readFileSync(join(directory, "model.safetensors")),
      WEIGHTS,
    );
  });
});

test("refuses content with another hash and leaves none of it", async () => {
  for (const hidesHash of [false, true]) {
    await withHub(
      { weightsHash: "0".repeat(64), hidesHash },
      async ({ endpoint }, directory) => {
        const pulling = pullRepository({
          repo: "owner/model",
          endpoint,
          directory,
        });
        await assert.rejects(
          pulling,
          hasCode("bundle_invalid", /model\.safetensors.*hash/u),
        );
        const left = readdirSync(directory).filter((name) =>
          name.includes("safetensors"),
        );
        assert.deepEqual(left, []);
      },
    );
  }
});

test("sends the token to the endpoint and not where it redirects to", async () => {
  await withHub(
    { token: "secret" },
    async ({ endpoint, leaked }, directory) => {
      const options = { repo: "owner/model", endpoint, directory };
      await assert.rejects(
        pullRepository(options),
        hasCode("unauthenticated", /HF_TOKEN/u),
      );
      await assert.rejects(
        pullRepository({ ...options, token: "wrong" }),
        (error) =>
          hasCode("unauthenticated")(error) && !String(error).includes("wrong"),
      );
      await pullRepository({ ...options, token: "secret" });
      assert.deepEqual(leaked, []);
    },
  );
});

test("says what does not exist and what cannot be used", async () => {
  await withHub({}, async ({ endpoint }, directory) => {
    const options = { repo: "owner/model", endpoint, directory };
    await assert.rejects(
      pullRepository({ ...options, revision: "v9" }),
      hasCode("not_found"),
    );
    await assert.rejects(
      pullRepository({ ...options, repo: "../x" }),
      hasCode("invalid_request"),
    );
  });
  const pickle = { "config.json": CONFIG, "pytorch_model.bin": WEIGHTS };
  await withHub({ files: pickle }, async ({ endpoint }, directory) => {
    const pulling = pullRepository({
      repo: "owner/model",
      endpoint,
      directory,
    });
    await assert.rejects(pulling, hasCode("bundle_invalid", /pickle/u));
  });
});

test("pulls the four graphs of one precision where there is no checkpoint", async () => {
  const files: Record<string, Buffer> = { "config.json": CONFIG };
  for (const suffix of ["", "_fp16", "_quantized"]) {
    for (const graph of [
      "vision_encoder",
      "embed_tokens",
      "encoder_model",
      "decoder_model_merged",
      "decoder_model",
    ]) {
      files[`onnx/${graph}${suffix}.onnx`] = Buffer.from(graph + suffix);
    }
  }
  await withHub({ files }, async ({ endpoint }, directory) => {
    const pulled = await pullRepository({
      repo: "owner/model",
      endpoint,
      directory,
      precision: "int8",
    });
    assert.equal(pulled.kind, "transformers-js");
    assert.deepEqual(readdirSync(join(directory, "onnx")).sort(), [
      "decoder_model_merged_quantized.onnx",
      "embed_tokens_quantized.onnx",
      "encoder_model_quantized.onnx",
      "vision_encoder_quantized.onnx",
    ]);
  });
});
