// A thread that adds to what it was given, and refuses 13.

import { serveJobs } from "../../../src/data-engine/threads/serve-jobs.ts";
import { FlorenceError } from "../../../src/shared/errors.ts";

await serveJobs(({ base }: { readonly base: number }) => {
  if (base < 0)
    return Promise.reject(new FlorenceError("not_found", "No base below 0."));
  return Promise.resolve({
    ready: base,
    work: (job: number) =>
      job === 13
        ? Promise.reject(new FlorenceError("invalid_request", "No 13."))
        : Promise.resolve(base + job),
  });
});
