// What a host is told of the work: for its log and its figures. Never a picture,
// a key, a phrase, or the query of an address.

import type { ErrorCode } from "../../shared/errors.ts";
import type { EngineName } from "../engine/engine.ts";

/** Listeners, each called once the thing is over; none may throw. */
export interface Telemetry {
  readonly request?: (record: RequestRecord) => void;
  readonly analysis?: (record: AnalysisRecord) => void;
  readonly deadEvent?: (record: DeadEventRecord) => void;
}

/** A message of a bucket that was given up and kept. */
export interface DeadEventRecord {
  /** To be replayed by. */
  readonly id: string;
  /** Empty where it names nobody's picture. */
  readonly tenant: string;
  /** Of the problem it failed with; `internal` for a bug of ours. */
  readonly code: ErrorCode;
}

/** One answered request; of a stream, when it has ended. */
export interface RequestRecord {
  readonly requestId: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly method: string;
  /** The operation's path, as `/v1/jobs/{id}`; null where there is none. */
  readonly route: string | null;
  readonly status: number;
  /** Of the problem it was refused with. */
  readonly code: ErrorCode | null;
  readonly ms: number;
  /** Null where nobody was asked who they are. */
  readonly tenant: string | null;
  /** Id of the API key, or the token's subject. */
  readonly principalId: string | null;
  readonly analyses: readonly AnalysisRecord[];
}

/** One picture and its tasks: of a request, a job, an upload, an agent. */
export interface AnalysisRecord {
  readonly traceId: string | null;
  /** Whether it stands in the record of a request, too. */
  readonly isOfRequest: boolean;
  readonly tenant: string;
  /** Spellings, as asked: `caption:detailed`. */
  readonly tasks: readonly string[];
  /** Null where it was not found, or was not one. */
  readonly image: {
    readonly width: number;
    readonly height: number;
    readonly mediaType: string;
  } | null;
  /** Of an image that came with the request. */
  readonly imageBytes: number | null;
  readonly outcome: "completed" | "partial" | "failed";
  /** Of the problem it failed with; `internal` for a bug of ours. */
  readonly code: ErrorCode | null;
  /** The one that answered; null if none did. */
  readonly engine: EngineName | null;
  readonly model: string | null;
  /** From taking it up to its answer. */
  readonly ms: number;
  /** By part, as the envelope has them; empty if it failed. */
  readonly timings: Readonly<Record<string, number>>;
  readonly visionPasses: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}
