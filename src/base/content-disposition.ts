/** `Content-Disposition` of a file to be saved (RFC 6266): a name of ASCII for old programs, and the name itself as RFC 8187 has it. */
export function attachmentDisposition(name: string): string {
  const plain = name.replaceAll(/[^\u0020-\u007e]|["\\%]/gu, '_');
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
