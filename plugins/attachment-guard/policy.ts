import { Actions, ActionTexts, Check, foldCase, Json } from '../../sdk/assemblyscript';
import { REAL_TYPES } from './real-type';

/** Names that Windows runs, or opens with something that runs what is in them. */
const EXTENSIONS: string =
  'ade adp app appref-ms appx appxbundle bas bat chm class cmd com cpl diagcab dll exe gadget hlp hta inf ins iso ' +
  'isp jar jnlp js jse lib library-ms lnk mde msc msi msix msp mst pif ps1 psm1 reg scf scr sct settingcontent-ms ' +
  'shb sys url vb vbe vbs vhd vhdx vxd wsc wsf wsh xll';

const SWITCHES: string[] = ['macros', 'mismatch', 'encryptedArchives', 'unreadableArchives'];
const WORDS: string[] = ['allow', 'block'];

/** What is blocked, and what is done about it: the settings with their defaults, or a sub-policy with those of the settings. */
export class Policy {
  /** The keys of settings and of sub-policies alike. */
  static keys: string[] = Actions.keys
    .concat(['blockExtensions', 'blockTypes', 'blockRealTypes'])
    .concat(SWITCHES);

  actions: Actions;
  blocksMacros: bool;
  /** A file that is not what its name or its type says. */
  blocksMismatch: bool;
  blocksEncrypted: bool;
  blocksUnreadable: bool;
  /** With a space before, between and after them. */
  private extensions: string;
  private types: string[];
  private realTypes: string[];

  constructor(json: Json, base: Policy | null = null) {
    this.actions = new Actions(json, texts(), base === null ? null : base.actions);
    const extensions = json.get('blockExtensions');
    this.extensions = extensions.isMissing
      ? base === null
        ? ' ' + EXTENSIONS + ' '
        : base.extensions
      : ' ' + withoutDots(extensions.texts()) + ' ';
    const types = json.get('blockTypes');
    this.types = types.isMissing && base !== null ? base.types : foldAll(types.texts());
    const realTypes = json.get('blockRealTypes');
    this.realTypes = realTypes.isMissing
      ? base === null
        ? ['pe', 'elf', 'macho', 'class']
        : base.realTypes
      : realTypes.texts();
    this.blocksMacros = blocks(json.get('macros'), base !== null && base.blocksMacros);
    this.blocksMismatch = blocks(json.get('mismatch'), base !== null && base.blocksMismatch);
    this.blocksEncrypted = blocks(json.get('encryptedArchives'), base === null || base.blocksEncrypted);
    this.blocksUnreadable = blocks(json.get('unreadableArchives'), base === null || base.blocksUnreadable);
  }

  static check(check: Check): void {
    Actions.check(check);
    check.get('blockExtensions').texts(20);
    check.get('blockTypes').texts(200);
    check.get('blockRealTypes').anyOf(REAL_TYPES);
    for (let i = 0; i < SWITCHES.length; i++) check.get(SWITCHES[i]).oneOf(WORDS);
  }

  /** In lower case, without its dot. */
  blocksExtension(extension: string): bool {
    return (
      extension.length > 0 && !extension.includes(' ') && this.extensions.includes(' ' + extension + ' ')
    );
  }

  /** `application/x-msdownload`, or `video/*` for all below it. */
  blocksType(type: string): bool {
    const slash = type.indexOf('/');
    return this.types.includes(type) || (slash > 0 && this.types.includes(type.substring(0, slash) + '/*'));
  }

  blocksRealType(kind: string): bool {
    return this.realTypes.includes(kind);
  }
}

function texts(): ActionTexts {
  const all = new ActionTexts();
  all.title = 'Attachment not accepted';
  all.replaceText = 'The attachment {name} was removed: {reason}.';
  all.subjectTag = '[attachment removed]';
  all.warnText = 'An attachment of this message is not allowed: {name}: {reason}.';
  all.header = 'X-Postern-Attachment';
  all.event = 'attachment-blocked';
  return all;
}

const blocks = (json: Json, fallback: bool): bool => (json.isMissing ? fallback : json.text() == 'block');

function withoutDots(extensions: string[]): string {
  const plain = foldAll(extensions);
  for (let i = 0; i < plain.length; i++) {
    if (plain[i].startsWith('.')) plain[i] = plain[i].substring(1);
  }
  return plain.join(' ');
}

function foldAll(texts: string[]): string[] {
  const folded: string[] = [];
  for (let i = 0; i < texts.length; i++) folded.push(foldCase(texts[i]));
  return folded;
}
