// Whoever runs the service: the bearer of `admin_key`, who makes the first keys.

import type { Host } from "../host.ts";
import type { Principal } from "../principal.ts";
import { equalHashes, sha256Text } from "./hashes.ts";

/** Its principals see the keys of every tenant. */
export const ADMIN_TENANT = "admin";

/** Whose a key is that whoever runs the service makes without a word of it. */
export const DEFAULT_TENANT = "default";

const ADMIN: Principal = {
  tenant: ADMIN_TENANT,
  id: "admin",
  scopes: ["admin"],
};

/** The principal of `admin_key`; null if the token is not it. */
export async function findAdmin(
  host: Pick<Host, "config" | "platform">,
  token: string,
): Promise<Principal | null> {
  const { admin_key: adminKey } = host.config;
  if (adminKey === undefined) return null;
  const [given, wanted] = await Promise.all([
    sha256Text(host, token),
    sha256Text(host, adminKey),
  ]);
  return equalHashes(given, wanted) ? ADMIN : null;
}
