// The script of a thread that shares the kernels' work.

import {
  bindHelper,
  type HelperTask,
} from "../shared/model/edge/threads/team.ts";

self.addEventListener("message", ({ data }: MessageEvent<HelperTask>) => {
  bindHelper(data)
    .then((help) => {
      self.postMessage("bound");
      help();
      self.close();
    })
    // Heard by who started this thread.
    .catch(reportError);
});
