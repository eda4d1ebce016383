import { isNode, isPair, isScalar, parseDocument, visit } from 'yaml';

/**
 * A config's text to be shown: of what stands under `settings`, which may hold a secret, each line is `…`. Lines stay where they are. The
 * text must be YAML that can be read.
 */
export function hideSettings(text: string): string {
  const document = parseDocument(text, {
    schema: 'core',
    resolveKnownTags: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  let shown = '';
  let at = 0;
  visit(document, {
    Pair(_key, { key, value }, ancestors) {
      const above = ancestors.filter(isPair).map((pair) => isScalar(pair.key) && pair.key.value);
      // A service may have that name, too.
      const isService = above.length === 1 && above[0] === 'services';
      if (!isScalar(key) || key.value !== 'settings' || isService) return undefined;
      if (!isNode(value) || !value.range) return undefined;
      const [from, to] = value.range;
      shown += text.slice(at, from) + text.slice(from, to).replaceAll(/\S[^\r\n]*/g, '…');
      at = to;
      return visit.SKIP;
    },
  });
  return shown + text.slice(at);
}
