// An analyzer that counts: each picture it answers is one of the key's month.

import type { Analyzer } from "../analyze/analyzer.ts";
import type { Host } from "../host.ts";
import { countImages } from "./usage.ts";

/** For doors that answer at once; jobs count with the result they write. */
export function countedAnalyzer(host: Host, analyzer: Analyzer): Analyzer {
  return {
    analyze: (request, principal, options) =>
      countImages(host, principal, 1, () =>
        analyzer.analyze(request, principal, options),
      ),
  };
}
