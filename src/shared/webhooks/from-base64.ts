// Base64 as bytes, on every platform.

/**
 * Reads base64, the URL alphabet as well, padded or not.
 *
 * @returns null where the text is none.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  // `atob` skips white space; a signature or a picture has none.
  if (!/^[\w+/-]*={0,2}$/u.test(text)) return null;
  let binary: string;
  try {
    binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}
