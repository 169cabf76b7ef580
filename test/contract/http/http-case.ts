// One case of the HTTP contract: the same request and the same expectations on
// every host.

import type { Statement } from "../../../src/http/ports/database.ts";

/** A running service, reached over HTTP. */
export interface HttpTarget {
  /** Address without a slash at the end. */
  readonly origin: string;
  readonly host: "node" | "workerd";
  /** `fetch` below `origin`; without `Authorization` unless `init` has it. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** API keys of two tenants with every scope but `admin`, and one with it. */
  readonly keys: {
    readonly first: string;
    readonly second: string;
    readonly admin: string;
  };
  /** Lays a file into the service's bucket, as the bucket's owner does. */
  putBucket(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * Sends one of R2's event notifications to the queue that the service reads
   * them from; null on hosts that have no such queue.
   */
  readonly sendBucketEvent: ((event: object) => Promise<void>) | null;
  /** Writes into the host's database, where no request can bring a state about. */
  write(statement: Statement): Promise<void>;
}

export interface HttpCase {
  readonly name: string;
  /** @returns the reason why this target cannot be asked; else nothing. */
  run(target: HttpTarget): Promise<string | undefined> | Promise<void>;
}
