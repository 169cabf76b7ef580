// A Worker that only does what a refused question costs us in I/O: a picture in
// a form, a row read, a row counted, a line logged, a small answer. `/gc`
// collects, where workerd runs with --expose-gc.
export default {
  async fetch(request, env) {
    if (request.method === "GET" && !request.url.endsWith("/gc")) {
      return new Response("up");
    }
    if (request.url.endsWith("/gc")) {
      globalThis.gc();
      return new Response("collected");
    }
    const form = await request.formData();
    const bytes = new Uint8Array(await form.get("image").arrayBuffer());
    if (env.DATABASE !== undefined) {
      await env.DATABASE.batch([
        env.DATABASE.prepare(
          "CREATE TABLE IF NOT EXISTS uses (id TEXT PRIMARY KEY, used INTEGER)",
        ),
        env.DATABASE.prepare(
          "INSERT INTO uses VALUES (?, 1) ON CONFLICT DO UPDATE SET used = used + 1",
        ).bind("key"),
      ]);
      await env.DATABASE.prepare("SELECT * FROM uses WHERE id = ?")
        .bind("key")
        .all();
    }
    console.log(JSON.stringify({ event: "request", bytes: bytes.length }));
    return Response.json({ bytes: bytes.length }, { status: 422 });
  },
};
