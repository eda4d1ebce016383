/** Puts a text in the place of every attachment whose name has one of these extensions. */
import { Check, configured, decide, Decision, foldCase, Part, quote, settings } from '../index';
export { ocp_smtp_abi_1 } from '../index';

export function configure(): i32 {
  const check = Check.settings(['extensions']);
  check.get('extensions').texts(20);
  return configured(check.problem);
}

function refuses(name: string): bool {
  const extensions = settings().get('extensions');
  const extension = foldCase(name.substring(name.lastIndexOf('.') + 1));
  if (extensions.isMissing) return extension == 'exe';
  const texts = extensions.texts();
  for (let i = 0; i < texts.length; i++) {
    if (extension == foldCase(texts[i])) return true;
  }
  return false;
}

export function on_message(): i32 {
  const decision = new Decision();
  const parts = Part.all();
  let replaced = i32.MAX_VALUE;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    // What is inside a part that goes, goes with it.
    if (part.depth > replaced) continue;
    replaced = i32.MAX_VALUE;
    if (part.name.length == 0 || !refuses(part.name)) continue;
    part.replace('text/plain; charset=utf-8', 'The attachment ' + quote(part.name) + ' was removed.\r\n');
    replaced = part.depth;
    decision
      .tag('attachment', part.name)
      .reason('removed ' + part.name)
      .score(2.5);
  }
  return decide(decision);
}
