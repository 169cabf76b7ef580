// Bytes as base64, on every platform.

/** Writes bytes as base64, with padding. */
export function toBase64(bytes: Uint8Array): string {
  // `String.fromCharCode` takes its bytes as arguments, of which there is a limit.
  const chunk = 0x8000;
  let binary = "";
  for (let at = 0; at < bytes.length; at += chunk) {
    binary += String.fromCharCode(...bytes.subarray(at, at + chunk));
  }
  return btoa(binary);
}
