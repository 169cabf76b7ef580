// How a host reaches addresses outside.

/** What a host brings for requests of our own. Only `fetch-untrusted` and engines use it. */
export interface Outbound {
  /**
   * One request, redirects not followed. A body that the host decodes comes
   * without `Content-Encoding`; one that has it was left as it is.
   *
   * @param addresses given, only these IP addresses may be connected to: they
   *   were checked, and the name must not be looked up again.
   */
  fetch(request: Request, addresses?: readonly string[]): Promise<Response>;

  /**
   * IP addresses of a name; left out where the platform does not show them
   * (Cloudflare, which never connects to private ones).
   */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}
