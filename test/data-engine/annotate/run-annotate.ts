// Annotates in a process of its own that a test can kill: prints each photo when
// its lines are written.

import { annotate } from "../../../src/data-engine/annotate/annotate.ts";

const [, , photos = "", out = "", labels = ""] = process.argv;
await annotate({
  photos,
  out,
  specialists: [{ kind: "human", labels }, { kind: "linker" }],
  workers: 1,
  signal: new AbortController().signal,
  onPhoto: (_, __, path) => {
    process.stdout.write(`${path}\n`);
  },
});
