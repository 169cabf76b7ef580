import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkAddress,
  isPublicAddress,
} from "../../src/http/outbound/address-rules.ts";
import {
  fetchUntrusted,
  type UntrustedHost,
} from "../../src/http/outbound/fetch-untrusted.ts";
import type { Outbound } from "../../src/http/ports/outbound.ts";
import { isFlorenceError } from "../../src/shared/errors.ts";
import { ALLOWED_ADDRESSES, FORBIDDEN_ADDRESSES } from "./ssrf-addresses.ts";

const config = { address_exemptions: [] };
const LIMITS = { timeoutMs: 5000, maxBytes: 1000 };

const isForbidden = (error: unknown): boolean =>
  isFlorenceError(error) && error.code === "url_forbidden";

test("the table has 200 addresses and more, none of them twice", () => {
  const all = Object.values(FORBIDDEN_ADDRESSES).flat();
  assert.ok(all.length >= 200, `${all.length}`);
  assert.equal(new Set(all).size, all.length);
});

for (const [trick, addresses] of Object.entries(FORBIDDEN_ADDRESSES)) {
  test(`refuses ${trick} (${addresses.length})`, async () => {
    let asked = 0;
    const outbound: Outbound = {
      fetch: () => {
        asked += 1;
        return Promise.resolve(new Response("secret"));
      },
      resolve: () => {
        asked += 1;
        return Promise.resolve(["8.8.8.8"]);
      },
    };
    for (const address of addresses) {
      assert.throws(() => checkAddress(address, config), isForbidden, address);
      await assert.rejects(
        fetchUntrusted({ outbound, config }, address, LIMITS),
        isForbidden,
        address,
      );
    }
    assert.equal(asked, 0, "nothing is looked up or sent");
  });
}

test("lets public addresses pass", () => {
  for (const address of ALLOWED_ADDRESSES) {
    assert.ok(checkAddress(address, config) instanceof URL, address);
  }
});

test("shows no secret of an address it refuses", () => {
  const address = "http://user:hunter2@10.0.0.1/path?token=hunter3";
  assert.throws(
    () => checkAddress(address, config, "/image/url"),
    (error) => {
      assert.ok(isFlorenceError(error));
      assert.doesNotMatch(error.message, /hunter/u);
      assert.equal(error.errors[0]?.pointer, "/image/url");
      return true;
    },
  );
});

/** What a name may resolve to that must not be connected to. */
const PRIVATE_ANSWERS: readonly (readonly string[])[] = [
  ["127.0.0.1"],
  ["::1"],
  ["10.0.0.5"],
  ["192.168.1.1"],
  ["169.254.169.254"],
  ["100.64.0.1"],
  ["0.0.0.0"],
  ["fd00:ec2::254"],
  ["fe80::1"],
  ["fe80::1%eth0"],
  ["::ffff:127.0.0.1"],
  ["::ffff:7f00:1"],
  ["::127.0.0.1"],
  ["64:ff9b::a00:1"],
  ["2002:7f00:1::"],
  ["2001:0:7f00:1::"],
  ["168.63.129.16"],
  ["8.8.8.8", "10.0.0.1"],
  ["2606:4700:4700::1111", "::1"],
  ["not an address"],
  [""],
];

test("refuses names that lead into a private network", async () => {
  for (const answer of PRIVATE_ANSWERS) {
    let fetched = 0;
    const outbound: Outbound = {
      fetch: () => {
        fetched += 1;
        return Promise.resolve(new Response("secret"));
      },
      resolve: () => Promise.resolve(answer),
    };
    await assert.rejects(
      fetchUntrusted({ outbound, config }, "https://nip.example/", LIMITS),
      isForbidden,
      answer.join(),
    );
    assert.equal(fetched, 0);
  }
});

test("connects to the addresses that were checked, whatever the name says later", async () => {
  const answers = [["8.8.8.8"], ["127.0.0.1"]];
  const pinned: (readonly string[] | undefined)[] = [];
  const outbound: Outbound = {
    fetch: (_request, addresses) => {
      pinned.push(addresses);
      return Promise.resolve(new Response("ok"));
    },
    resolve: () => Promise.resolve(answers.shift()!),
  };
  const host = { outbound, config };
  await fetchUntrusted(host, "https://rebind.example/", LIMITS);
  await assert.rejects(
    fetchUntrusted(host, "https://rebind.example/", LIMITS),
    isForbidden,
  );
  assert.deepEqual(pinned, [["8.8.8.8"]]);
});

test("refuses a name that turns private between two hops", async () => {
  const answers = [["8.8.8.8"], ["10.0.0.1"]];
  const outbound: Outbound = {
    fetch: () => Promise.resolve(Response.redirect("https://a.example/2")),
    resolve: () => Promise.resolve(answers.shift()!),
  };
  await assert.rejects(
    fetchUntrusted({ outbound, config }, "https://a.example/", LIMITS),
    isForbidden,
  );
});

test("refuses every forbidden address as the aim of a redirect", async () => {
  const aims = Object.entries(FORBIDDEN_ADDRESSES)
    .filter(([trick]) => !NOT_AIMS.includes(trick))
    .flatMap(([, addresses]) => addresses);
  assert.ok(aims.length > 100);
  for (const aim of aims) {
    let asked = 0;
    const host = redirecting("http://a.example/", aim, () => (asked += 1));
    await assert.rejects(
      fetchUntrusted(host, "http://a.example/", LIMITS),
      isForbidden,
      aim,
    );
    assert.equal(asked, 1, aim);
  }
});

/** As a `Location` these are relative, unparseable or quietly cleaned up. */
const NOT_AIMS = [
  "text that is no address",
  "characters that parsers disagree on",
];

test("refuses a redirect from https to http", async () => {
  const host = redirecting("https://a.example/", "http://a.example/");
  await assert.rejects(
    fetchUntrusted(host, "https://a.example/", LIMITS),
    isForbidden,
  );
});

test("knows public from other IP addresses", () => {
  for (const address of ["1.1.1.1", "2606:4700:4700::1111", "223.255.255.1"]) {
    assert.ok(isPublicAddress(address), address);
  }
});

test("lets exempted hosts pass, and nothing but them", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["127.0.0.1", "http://127.0.0.1:5000/", true],
    ["127.0.0.1", "http://2130706433:5000/", true],
    ["127.0.0.1", "http://127.0.0.2:5000/", false],
    ["127.0.0.1:5000", "http://127.0.0.1:5000/", true],
    ["127.0.0.1:5000", "http://127.0.0.1:5001/", false],
    ["127.0.0.1:443", "https://127.0.0.1/", true],
    ["127.0.0.1:443", "http://127.0.0.1/", false],
    ["minio.internal", "http://minio.internal:9000/", true],
    ["MinIO.internal", "http://minio.internal/", true],
    ["minio.internal", "http://other.minio.internal/", false],
    ["minio.internal", "http://minio.internal.example.com:22/", false],
    ["minio.internal", "http://user@minio.internal/", false],
    ["minio.internal", "ftp://minio.internal/", false],
    ["::1", "http://[::1]:8080/", true],
    ["[::1]:8080", "http://[::1]:8080/", true],
    ["[::1]:8080", "http://[::1]:8081/", false],
    ["", "http://localhost/", false],
    ["*", "http://localhost/", false],
  ];
  for (const [exemption, address, isAllowed] of cases) {
    const check = () =>
      checkAddress(address, { address_exemptions: [exemption] });
    if (isAllowed) assert.ok(check(), `${exemption} ${address}`);
    else assert.throws(check, isForbidden, `${exemption} ${address}`);
  }
});

test("does not carry an exemption over to a name that leads to it", async () => {
  const outbound: Outbound = {
    fetch: () => Promise.resolve(new Response("secret")),
    resolve: () => Promise.resolve(["127.0.0.1"]),
  };
  const host = { outbound, config: { address_exemptions: ["127.0.0.1"] } };
  await assert.rejects(
    fetchUntrusted(host, "https://a.example/", LIMITS),
    isForbidden,
  );
});

/** A host on which `from` redirects to `to`. */
function redirecting(
  from: string,
  to: string,
  onAsked: () => void = () => undefined,
): UntrustedHost {
  const outbound: Outbound = {
    fetch: (request) => {
      onAsked();
      assert.equal(request.url, from);
      // A header holds ASCII; the parser of the host name decodes the rest.
      const location = to.replaceAll(/[^\u0020-\u007e]/gu, encodeURIComponent);
      const headers = { Location: location };
      return Promise.resolve(new Response(null, { status: 302, headers }));
    },
    resolve: () => Promise.resolve(["8.8.8.8"]),
  };
  return { outbound, config };
}
