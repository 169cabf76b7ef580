// What goes over the wire. Made by `node packages/client/make-types.ts` of the
// service's schemas; do not edit.

export type ImageReference =
  | {
      readonly url: string;
    }
  | {
      readonly base64: string;
      readonly media_type?: string;
    }
  | {
      readonly upload_id: string;
    }
  | {
      readonly bucket_key: string;
    }
  | {
      readonly feature_id: string;
    };

export type AnalyzeOptions = {
  readonly engine?: "auto" | "edge" | "container" | "gpu";
  readonly allow_fallback?: boolean;
  readonly model?: string;
  readonly max_tokens?: number;
  readonly beams?: number;
  readonly coordinates?: "pixel" | "normalized";
  readonly min_score?: number;
  readonly tiling?: {
    readonly mode?: "off" | "auto";
    readonly max_tiles?: number;
    readonly overlap?: number;
  };
  readonly render?: {
    readonly format?: "none" | "svg" | "png";
    readonly crops?: "none" | "png";
  };
  readonly cache?: "use" | "off";
  readonly store?: boolean;
  readonly include_raw?: boolean;
  readonly input_size?: 384 | 512 | 768 | "auto";
};

export type Analysis = {
  readonly id: string;
  readonly object: "analysis";
  readonly created: string;
  readonly status: "completed" | "partial";
  readonly image: {
    readonly width: number;
    readonly height: number;
    readonly media_type: string;
    readonly sha256: string;
    readonly orientation_applied: boolean;
    readonly feature_id?: string;
  };
  readonly results: readonly (
    | {
        readonly id: string;
        readonly task: string;
        readonly status: "error";
        readonly problem: Problem;
      }
    | CaptionResult
    | DetectResult
    | DetectOpenResult
    | GroundResult
    | DenseCaptionResult
    | ProposeResult
    | SegmentResult
    | SegmentRegionsResult
    | ClassifyRegionsResult
    | DescribeRegionsResult
    | OcrRegionsResult
    | OcrResult
    | OcrLinesResult
  )[];
  readonly model: {
    readonly id: string;
    readonly revision: string;
    readonly quantization: string;
    readonly input_size?: number;
  };
  readonly engine: {
    readonly used: "edge" | "container" | "gpu";
    readonly attempts: readonly {
      readonly engine: "edge" | "container" | "gpu";
      readonly outcome: string;
      readonly reason?: string;
    }[];
  };
  readonly usage: {
    readonly vision_passes: number;
    readonly tiles: number;
    readonly prompt_tokens: number;
    readonly output_tokens: number;
    readonly cpu_ms?: number;
  };
  readonly timings_ms: {
    readonly fetch?: number;
    readonly decode: number;
    readonly vision: number;
    readonly text: number;
    readonly total: number;
  };
  readonly rendering?: {
    readonly media_type: string;
    readonly base64: string;
  };
  readonly warnings: readonly string[];
  readonly metadata: { readonly [key: string]: unknown };
};

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code:
    | "invalid_json"
    | "idempotency_key_invalid"
    | "method_not_allowed"
    | "unauthenticated"
    | "forbidden"
    | "url_forbidden"
    | "signature_invalid"
    | "not_found"
    | "expired"
    | "idempotency_in_progress"
    | "job_not_cancellable"
    | "image_too_large"
    | "body_too_large"
    | "unsupported_media_type"
    | "invalid_request"
    | "image_too_small"
    | "image_undecodable"
    | "unknown_task"
    | "missing_task_input"
    | "unsupported_task"
    | "region_out_of_bounds"
    | "idempotency_mismatch"
    | "url_fetch_failed"
    | "rate_limited"
    | "quota_exceeded"
    | "internal"
    | "engine_bad_output"
    | "engine_unavailable"
    | "warming_up"
    | "bundle_invalid"
    | "bundle_too_new"
    | "deadline_exceeded";
  readonly retryable: boolean;
  readonly instance?: string;
  readonly request_id?: string;
  readonly errors?: readonly {
    readonly pointer: string;
    readonly detail: string;
  }[];
};

export type Box = {
  readonly x_min: number;
  readonly y_min: number;
  readonly x_max: number;
  readonly y_max: number;
};

export type Segment = {
  readonly polygons: readonly (readonly (readonly [number, number])[])[];
  readonly svg_path: string;
  readonly box: Box;
  readonly area: number;
  readonly closed: boolean;
};

export type RawAnswer = {
  readonly text: string;
  readonly token_ids: readonly number[];
  readonly log_probs: readonly number[];
};

export type Regions = readonly {
  readonly id?: string;
  readonly box: {
    readonly x_min: number;
    readonly y_min: number;
    readonly x_max: number;
    readonly y_max: number;
  };
}[];

export type Job = {
  readonly id: string;
  readonly object: "job";
  readonly status:
    | "queued"
    | "running"
    | "completed"
    | "partial"
    | "failed"
    | "cancelled"
    | "expired";
  readonly created: string;
  readonly started?: string;
  readonly finished?: string;
  readonly expires: string;
  readonly images: number;
  readonly progress: {
    readonly queued: number;
    readonly running: number;
    readonly completed: number;
    readonly partial: number;
    readonly failed: number;
    readonly cancelled: number;
  };
  readonly metadata: { readonly [key: string]: unknown };
  readonly url: string;
};

export type JobWithResults = {
  readonly id: string;
  readonly object: "job";
  readonly status:
    | "queued"
    | "running"
    | "completed"
    | "partial"
    | "failed"
    | "cancelled"
    | "expired";
  readonly created: string;
  readonly started?: string;
  readonly finished?: string;
  readonly expires: string;
  readonly images: number;
  readonly progress: {
    readonly queued: number;
    readonly running: number;
    readonly completed: number;
    readonly partial: number;
    readonly failed: number;
    readonly cancelled: number;
  };
  readonly metadata: { readonly [key: string]: unknown };
  readonly url: string;
  readonly results: readonly JobResult[];
  readonly next_after?: number;
};

export type JobResult = {
  readonly index: number;
  readonly status: "completed" | "partial" | "failed";
  readonly analysis?: Analysis;
  readonly problem?: Problem;
};

export type ServerEvent = {
  readonly id?: string;
  readonly event?: string;
  readonly data: string;
};

export type NewUpload = {
  readonly media_type?: "image/jpeg" | "image/png" | "image/webp";
  readonly bytes?: number;
  readonly tasks?: readonly unknown[];
  readonly options?: AnalyzeOptions;
  readonly callback?: Callback;
  readonly metadata?: { readonly [key: string]: unknown };
};

export type PresignedUpload = {
  readonly object: "upload";
  readonly upload_id: string;
  readonly url: string;
  readonly method: "PUT";
  readonly headers: { readonly [key: string]: string };
  readonly expires_at: string;
};

export type Upload = {
  readonly object: "upload";
  readonly upload_id: string;
  readonly status: "waiting" | "stored" | "expired";
  readonly source: string;
  readonly key: string | null;
  readonly media_type: string | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
  readonly image_url: string | null;
  readonly job_id: string | null;
  readonly metadata: { readonly [key: string]: unknown };
  readonly created: string;
  readonly expires_at: string;
};

export type Batch = {
  readonly id: string;
  readonly object: "batch";
  readonly status: "completed" | "partial" | "failed";
  readonly created: string;
  readonly results: readonly JobResult[];
  readonly metadata: { readonly [key: string]: unknown };
};

export type Callback = {
  readonly endpoint_id?: string;
  readonly url?: string;
  readonly events?: readonly ("analysis.completed" | "analysis.failed")[];
  readonly full?: boolean;
};

export type Delivery = {
  readonly object: "delivery";
  readonly id: string;
  readonly endpoint_id: string | null;
  readonly url: string;
  readonly event: string;
  readonly status: "pending" | "delivered" | "dead";
  readonly attempts: number;
  readonly history: readonly {
    readonly started: string;
    readonly duration_ms: number;
    readonly status: number | null;
    readonly error: string | null;
  }[];
  readonly created: string;
  readonly delivered: string | null;
  readonly next_attempt: string | null;
};

export type DeliveryList = {
  readonly object: "list";
  readonly data: readonly Delivery[];
  readonly has_more: boolean;
};

export type WebhookEndpoint = {
  readonly object: "webhook_endpoint";
  readonly id: string;
  readonly url: string;
  readonly events: readonly (
    "image.uploaded" | "analysis.completed" | "analysis.failed"
  )[];
  readonly filter: {
    readonly sources?: readonly string[];
    readonly tasks?: readonly string[];
  };
  readonly full: boolean;
  readonly created: string;
  readonly previous_valid_until?: string;
};

export type WebhookEndpointWithSecret = {
  readonly object: "webhook_endpoint";
  readonly id: string;
  readonly url: string;
  readonly events: readonly (
    "image.uploaded" | "analysis.completed" | "analysis.failed"
  )[];
  readonly filter: {
    readonly sources?: readonly string[];
    readonly tasks?: readonly string[];
  };
  readonly full: boolean;
  readonly created: string;
  readonly previous_valid_until?: string;
  readonly secret: string;
};

export type NewWebhookEndpoint = {
  readonly url: string;
  readonly events: readonly (
    "image.uploaded" | "analysis.completed" | "analysis.failed"
  )[];
  readonly filter?: {
    readonly sources?: readonly string[];
    readonly tasks?: readonly string[];
  };
  readonly full?: boolean;
};

export type CaptionTask = {
  readonly task: "caption";
  readonly id?: string;
  readonly detail?: "short";
};

export type CaptionResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "caption";
  readonly detail: "short" | "detailed" | "full";
  readonly text: string;
  readonly score: number;
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type CaptionDetailedTask = {
  readonly task: "caption";
  readonly id?: string;
  readonly detail: "detailed";
};

export type CaptionFullTask = {
  readonly task: "caption";
  readonly id?: string;
  readonly detail: "full";
};

export type DetectTask = {
  readonly task: "detect";
  readonly id?: string;
};

export type DetectResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "detect";
  readonly objects: readonly {
    readonly id: string;
    readonly score: number;
    readonly crop?: {
      readonly media_type: string;
      readonly base64: string;
      readonly width: number;
      readonly height: number;
    };
    readonly tile?: number;
    readonly label_score?: number;
    readonly box_score?: number;
    readonly box: Box;
    readonly box_spread?: Box;
    readonly label: string;
  }[];
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type DetectOpenTask = {
  readonly task: "detect_open";
  readonly id?: string;
  readonly labels: readonly string[];
};

export type DetectOpenResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "detect_open";
  readonly objects: readonly {
    readonly id: string;
    readonly score: number;
    readonly crop?: {
      readonly media_type: string;
      readonly base64: string;
      readonly width: number;
      readonly height: number;
    };
    readonly tile?: number;
    readonly label_score?: number;
    readonly box_score?: number;
    readonly box: Box;
    readonly box_spread?: Box;
    readonly label: string;
    readonly label_index: number | null;
    readonly polygons?: readonly (readonly (readonly [number, number])[])[];
    readonly svg_path?: string;
    readonly area?: number;
    readonly closed?: boolean;
  }[];
  readonly labels: readonly {
    readonly label: string;
    readonly found: boolean;
    readonly score: number | null;
    readonly reason?:
      | "not_found"
      | "whole_image_box"
      | "below_threshold"
      | "below_min_score"
      | "generic_phrase";
  }[];
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type GroundTask = {
  readonly task: "ground";
  readonly id?: string;
  readonly phrase: string;
};

export type GroundResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "ground";
  readonly objects: readonly {
    readonly id: string;
    readonly score: number;
    readonly crop?: {
      readonly media_type: string;
      readonly base64: string;
      readonly width: number;
      readonly height: number;
    };
    readonly tile?: number;
    readonly label_score?: number;
    readonly box_score?: number;
    readonly box: Box;
    readonly box_spread?: Box;
    readonly phrase: string;
    readonly span: readonly [number, number] | null;
  }[];
  readonly unmatched: readonly {
    readonly phrase: string;
    readonly span: readonly [number, number] | null;
    readonly reason:
      | "not_found"
      | "whole_image_box"
      | "below_threshold"
      | "below_min_score"
      | "generic_phrase";
  }[];
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type DenseCaptionTask = {
  readonly task: "dense_caption";
  readonly id?: string;
};

export type DenseCaptionResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "dense_caption";
  readonly objects: readonly {
    readonly id: string;
    readonly score: number;
    readonly crop?: {
      readonly media_type: string;
      readonly base64: string;
      readonly width: number;
      readonly height: number;
    };
    readonly tile?: number;
    readonly label_score?: number;
    readonly box_score?: number;
    readonly box: Box;
    readonly box_spread?: Box;
    readonly text: string;
  }[];
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type ProposeTask = {
  readonly task: "propose";
  readonly id?: string;
};

export type ProposeResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "propose";
  readonly objects: readonly {
    readonly id: string;
    readonly score: number;
    readonly crop?: {
      readonly media_type: string;
      readonly base64: string;
      readonly width: number;
      readonly height: number;
    };
    readonly tile?: number;
    readonly label_score?: number;
    readonly box_score?: number;
    readonly box: Box;
    readonly box_spread?: Box;
  }[];
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type SegmentTask = {
  readonly task: "segment";
  readonly id?: string;
  readonly phrase: string;
};

export type SegmentResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "segment";
  readonly segments: readonly {
    readonly id: string;
    readonly score: number;
    readonly crop?: {
      readonly media_type: string;
      readonly base64: string;
      readonly width: number;
      readonly height: number;
    };
    readonly tile?: number;
    readonly phrase: string;
    readonly polygons: readonly (readonly (readonly [number, number])[])[];
    readonly svg_path: string;
    readonly box: Box;
    readonly area: number;
    readonly closed: boolean;
  }[];
  readonly unmatched: readonly {
    readonly phrase: string;
    readonly reason:
      | "not_found"
      | "whole_image_box"
      | "below_threshold"
      | "below_min_score"
      | "generic_phrase";
  }[];
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type SegmentRegionsTask = {
  readonly task: "segment_regions";
  readonly id?: string;
  readonly regions: Regions;
};

export type SegmentRegionsResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "segment_regions";
  readonly regions: readonly {
    readonly id: string;
    readonly status: "ok" | "no_detection";
    readonly finish_reason: "stop" | "length";
    readonly dropped?: readonly {
      readonly reason: string;
      readonly at: number;
      readonly tile?: number;
    }[];
    readonly raw?: RawAnswer;
    readonly segments: readonly {
      readonly id: string;
      readonly score: number;
      readonly crop?: {
        readonly media_type: string;
        readonly base64: string;
        readonly width: number;
        readonly height: number;
      };
      readonly tile?: number;
      readonly polygons: readonly (readonly (readonly [number, number])[])[];
      readonly svg_path: string;
      readonly box: Box;
      readonly area: number;
      readonly closed: boolean;
    }[];
  }[];
};

export type ClassifyRegionsTask = {
  readonly task: "classify_regions";
  readonly id?: string;
  readonly regions: Regions;
  readonly labels?: readonly string[];
};

export type ClassifyRegionsResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "classify_regions";
  readonly regions: readonly {
    readonly id: string;
    readonly status: "ok" | "no_detection";
    readonly finish_reason: "stop" | "length";
    readonly dropped?: readonly {
      readonly reason: string;
      readonly at: number;
      readonly tile?: number;
    }[];
    readonly raw?: RawAnswer;
    readonly label: string;
    readonly score: number;
    readonly scores?: { readonly [key: string]: number };
  }[];
};

export type DescribeRegionsTask = {
  readonly task: "describe_regions";
  readonly id?: string;
  readonly regions: Regions;
};

export type DescribeRegionsResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "describe_regions";
  readonly regions: readonly {
    readonly id: string;
    readonly status: "ok" | "no_detection";
    readonly finish_reason: "stop" | "length";
    readonly dropped?: readonly {
      readonly reason: string;
      readonly at: number;
      readonly tile?: number;
    }[];
    readonly raw?: RawAnswer;
    readonly text: string;
    readonly score: number;
  }[];
};

export type OcrRegionsTask = {
  readonly task: "ocr_regions";
  readonly id?: string;
  readonly regions: Regions;
};

export type OcrRegionsResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "ocr_regions";
  readonly regions: readonly {
    readonly id: string;
    readonly status: "ok" | "no_detection";
    readonly finish_reason: "stop" | "length";
    readonly dropped?: readonly {
      readonly reason: string;
      readonly at: number;
      readonly tile?: number;
    }[];
    readonly raw?: RawAnswer;
    readonly text: string;
    readonly score: number;
  }[];
};

export type OcrTask = {
  readonly task: "ocr";
  readonly id?: string;
  readonly layout?: "text";
};

export type OcrResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "ocr";
  readonly layout: "text";
  readonly text: string;
  readonly score: number;
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};

export type OcrLinesTask = {
  readonly task: "ocr";
  readonly id?: string;
  readonly layout: "lines";
};

export type OcrLinesResult = {
  readonly id: string;
  readonly status: "ok" | "no_detection";
  readonly finish_reason: "stop" | "length";
  readonly score_kind: "sequence_logprob" | "calibrated";
  readonly task: "ocr";
  readonly layout: "lines";
  readonly text: string;
  readonly lines: readonly {
    readonly id: string;
    readonly score: number;
    readonly crop?: {
      readonly media_type: string;
      readonly base64: string;
      readonly width: number;
      readonly height: number;
    };
    readonly tile?: number;
    readonly text: string;
    readonly label_score: number;
    readonly box_score: number;
    readonly quad: readonly [
      readonly [number, number],
      readonly [number, number],
      readonly [number, number],
      readonly [number, number],
    ];
  }[];
  readonly dropped?: readonly {
    readonly reason: string;
    readonly at: number;
    readonly tile?: number;
  }[];
  readonly raw?: RawAnswer;
};
