// Tokens of an issuer in workerd: its WebCrypto, and a fetch of keys that goes
// out of the Worker.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { startWorkerdTarget, type WorkerdTarget } from "./workerd-target.ts";

const ALGORITHMS = ["RS256", "ES256", "EdDSA"] as const;

const pairs = new Map(
  await Promise.all(
    ALGORITHMS.map(async (alg) => {
      const pair = await generateKeyPair(alg, { extractable: true });
      return [alg, pair] as const;
    }),
  ),
);
const keys = await Promise.all(
  [...pairs].map(async ([alg, { publicKey }]) => ({
    ...(await exportJWK(publicKey)),
    alg,
    kid: alg,
  })),
);

let asked = 0;
const issuer = createServer((_request, response) => {
  asked += 1;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ keys }));
});
let target: WorkerdTarget;

before(async () => {
  await new Promise<void>((resolve) => {
    issuer.listen(0, "127.0.0.1", resolve);
  });
  const { port } = issuer.address() as AddressInfo;
  target = await startWorkerdTarget({
    FLORENCE_JWT: JSON.stringify({
      jwks_url: `http://127.0.0.1:${port}/keys`,
      issuer: "https://issuer.test/",
      audience: "florence",
    }),
  });
});
after(async () => {
  issuer.close();
  await target.close();
});

async function tokenOf(
  alg: (typeof ALGORITHMS)[number],
  claims: object = {},
): Promise<string> {
  return await new SignJWT({
    iss: "https://issuer.test/",
    aud: "florence",
    sub: "user-1",
    tenant: "acme",
    scope: "analyze",
    exp: Math.floor(Date.now() / 1000) + 60,
    ...claims,
  })
    .setProtectedHeader({ alg, kid: alg })
    .sign(pairs.get(alg)!.privateKey);
}

async function statusOf(token: string): Promise<number> {
  const response = await target.fetch("/v1/tasks", {
    headers: { Authorization: `Bearer ${token}` },
  });
  await response.body?.cancel();
  return response.status;
}

test("takes a token in each way it may be signed", async () => {
  for (const alg of ALGORITHMS) {
    assert.equal(await statusOf(await tokenOf(alg)), 200, alg);
  }
  assert.ok(asked >= 1);
});

test("refuses what is forged, outdated or meant for others", async () => {
  for (const alg of ALGORITHMS) {
    const good = await tokenOf(alg);
    const other = await tokenOf(alg, { tenant: "other" });
    const [head, , signature] = good.split(".");
    for (const token of [
      `${head!}.${other.split(".")[1]!}.${signature!}`,
      good.slice(0, -8),
      await tokenOf(alg, { exp: Math.floor(Date.now() / 1000) - 60 }),
      await tokenOf(alg, { aud: "another" }),
      await tokenOf(alg, { tenant: "admin" }),
    ]) {
      assert.equal(await statusOf(token), 401, alg);
    }
  }
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  const [, claims] = (await tokenOf("RS256")).split(".");
  assert.equal(await statusOf(`${none}.${claims!}.`), 401);
});

test("takes API keys beside tokens", async () => {
  assert.equal(await statusOf(target.keys.first), 200);
});
