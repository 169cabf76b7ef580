// Requests that are right, for documents and for whoever tries them.

/** A light square on dark ground, 64 by 64 pixels. */
export const EXAMPLE_PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAMklEQVR42u3WMQEAAAQAQXH0DyWHCAYb9wFu/shlAQAAzgI1BAAAAAAA4B/gkQCAt0ADqt94TBhfouoAAAAASUVORK5CYII=";

/** `image` of a JSON body. */
export const EXAMPLE_IMAGE = { base64: EXAMPLE_PNG };
