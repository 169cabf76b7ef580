// A Worker that does nothing: what workerd itself takes.
export default { fetch: () => new Response("empty") };
