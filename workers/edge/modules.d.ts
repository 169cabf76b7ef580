// What wrangler's module rules make of an import that is not a script.

declare module "*.wasm" {
  const module: WebAssembly.Module;
  // eslint-disable-next-line no-restricted-exports -- as wrangler makes it
  export default module;
}

declare module "*.ttf" {
  const bytes: ArrayBuffer;
  // eslint-disable-next-line no-restricted-exports -- as wrangler makes it
  export default bytes;
}
