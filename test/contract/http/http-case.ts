// One case of the HTTP contract: the same request and the same expectations on
// every host.

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
}

export interface HttpCase {
  readonly name: string;
  run(target: HttpTarget): Promise<void>;
}
