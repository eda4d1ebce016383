/** A domain in A-labels as it can be asked for in the DNS, with underscores, which only its records have. */
export function isHostDomain(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
  );
}

/** Whether it is that domain or one below it. */
export function isWithin(name: string, domain: string): boolean {
  const [below, above] = [name.toLowerCase(), domain.toLowerCase()];
  return below === above || below.endsWith(`.${above}`);
}
