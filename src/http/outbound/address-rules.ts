// Which addresses outside may be asked: one set of rules for image URLs,
// callbacks and webhook endpoints. What is not clearly public is refused; the
// exemptions of the configuration are the only way around.

import ipaddr from "ipaddr.js";
import { FlorenceError } from "../../shared/errors.ts";
import type { ServiceConfig } from "../config.ts";

/** The part of the configuration that the rules read. */
export type AddressConfig = Pick<ServiceConfig, "address_exemptions">;

/** Ports of web servers; anything else is a service that did not ask for us. */
export const ALLOWED_PORTS = [80, 443, 8080, 8443] as const;

/** Letters of an address; signed ones are long. */
export const MAX_URL_LENGTH = 4096;

/**
 * Last labels that no public name has: RFC 6761 and 6762, the names ICANN keeps
 * back (`internal`, `home`, `corp`, `mail`), and what routers give out.
 */
const PRIVATE_SUFFIXES = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "lan",
  "home",
  "corp",
  "mail",
  "arpa",
  "onion",
];

/** Public spellings under which clouds serve a machine's own credentials. */
const METADATA_HOSTS = [
  "metadata.tencentyun.com",
  "metadata.packet.net",
  "metadata.platformequinix.com",
  "168.63.129.16", // Azure's wire server, in a public range
];

/**
 * Checks an address before anything is sent to it. What its name resolves to
 * is checked by `fetchUntrusted`, each time.
 *
 * @param pointer where the address stands in the request, for the problem.
 * @returns the parsed address; nothing but it may be used from there on.
 * @throws FlorenceError `url_forbidden`.
 */
export function checkAddress(
  address: string | URL,
  config: AddressConfig,
  pointer?: string,
): URL {
  const fault = faultOf(address, config);
  if (typeof fault !== "string") return fault;
  throw forbidden(address, fault, pointer);
}

/** Whether the configuration lets this host pass whatever the rules say. */
export function isExempt(url: URL, config: AddressConfig): boolean {
  return config.address_exemptions.some((exemption) => {
    const [hostname, port] = splitExemption(exemption);
    return hostname === url.hostname && (port === null || port === portOf(url));
  });
}

/**
 * Whether an IP address, v4 or v6 in any spelling, belongs to the public
 * internet and to one machine there.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address) || address.includes("%")) return false;
  if (METADATA_HOSTS.includes(address)) return false;
  const ip = ipaddr.parse(address);
  if (ip.range() !== "unicast") return false;
  // Of IPv6 only 2000::/3 is given out (RFC 4291, section 2.4).
  return ip.kind() === "ipv4" || ip.toByteArray()[0]! >> 5 === 0b001;
}

/** The IP address that a host name is, brackets removed; null for a name. */
export function literalAddress({ hostname }: URL): string | null {
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return ipaddr.IPv4.isValidFourPartDecimal(hostname) ? hostname : null;
}

/** The error for an address that may not be asked. */
export function forbidden(
  address: string | URL,
  fault: string,
  pointer?: string,
): FlorenceError {
  const message = `${shown(address)} may not be asked: ${fault}. Use a public http or https address, without a password, on port ${ALLOWED_PORTS.join(", ")}; whoever runs the service can exempt a host (address_exemptions).`;
  return new FlorenceError("url_forbidden", message, {
    ...(pointer !== undefined && { errors: [{ pointer, detail: fault }] }),
  });
}

/** Scheme and host of an address: the rest may hold secrets. */
export function shown(address: string | URL): string {
  const url = typeof address === "string" ? parse(address) : address;
  if (url === null) return "The address";
  return `${url.protocol}//${url.host}`.slice(0, 200);
}

/** The parsed address, or what is wrong with it. */
function faultOf(address: string | URL, config: AddressConfig): URL | string {
  const text = typeof address === "string" ? address : address.href;
  if (text.length > MAX_URL_LENGTH) {
    return `it has more than ${MAX_URL_LENGTH} letters`;
  }
  // A parser drops or turns them; another one might not.
  if (/[\u0000-\u0020\u007f\\]/u.test(text)) {
    return "it has a space, a backslash or a control character";
  }
  const url = typeof address === "string" ? parse(address) : address;
  if (url === null) return "it is no address, or its host is malformed";
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return `its scheme is ${url.protocol.slice(0, 40)}`;
  }
  if (url.username !== "" || url.password !== "") {
    return "it carries a user name or a password";
  }
  if (isExempt(url, config)) return url;
  const port = portOf(url);
  if (!ALLOWED_PORTS.some((allowed) => allowed === port)) {
    return `port ${port} is not among those of web servers`;
  }
  return hostFault(url) ?? url;
}

function hostFault(url: URL): string | null {
  const literal = literalAddress(url);
  if (literal !== null) {
    return isPublicAddress(literal) ? null : "it is not on the public internet";
  }
  const { hostname } = url;
  if (hostname.length > 253) return "its host name is too long";
  if (hostname.endsWith(".")) return "its host name ends in a dot";
  const labels = hostname.split(".");
  if (!labels.every(isLabel)) return "its host name is malformed";
  if (labels.length < 2) return "its host name has no domain";
  const isPrivate =
    PRIVATE_SUFFIXES.includes(labels.at(-1)!) ||
    METADATA_HOSTS.includes(hostname);
  return isPrivate ? "its host name is for private networks" : null;
}

/** Letters, digits, `-` and `_`; `xn--` forms are checked by the URL parser. */
function isLabel(label: string): boolean {
  return /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/u.test(label);
}

function parse(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}

function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

/** `name`, `name:port`, `1.2.3.4:80`, `[::1]:80` or `::1`; name as URLs have it. */
function splitExemption(exemption: string): readonly [string, number | null] {
  if (ipaddr.IPv6.isValid(exemption)) {
    return [new URL(`http://[${exemption}]`).hostname, null];
  }
  const [, name, port] = /^(.*?)(?::(\d{1,5}))?$/u.exec(exemption)!;
  const url = parse(`http://${name!}`);
  return [url?.hostname ?? "", port === undefined ? null : Number(port)];
}
