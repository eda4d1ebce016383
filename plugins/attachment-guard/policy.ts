import { foldCase, Json } from '../../sdk/assemblyscript';

export const ACTIONS: string[] = ['replace', 'mark', 'header', 'quarantine', 'reject'];

/** Names that Windows runs, or opens with something that runs what is in them. */
const EXTENSIONS: string =
  'ade adp app appref-ms appx appxbundle bas bat chm class cmd com cpl diagcab dll exe gadget hlp hta inf ins iso ' +
  'isp jar jnlp js jse lib library-ms lnk mde msc msi msix msp mst pif ps1 psm1 reg scf scr sct settingcontent-ms ' +
  'shb sys url vb vbe vbs vhd vhdx vxd wsc wsf wsh xll';

/** The settings with their defaults. */
export class Policy {
  replaceText: string;
  subjectTag: string;
  /** With a space before, between and after them. */
  private extensions: string;
  private types: string[];
  private realTypes: string[];
  private actions: string[];

  constructor(json: Json) {
    const extensions = json.get('blockExtensions');
    this.extensions = ' ' + (extensions.isMissing ? EXTENSIONS : withoutDots(extensions.texts())) + ' ';
    this.types = foldAll(json.get('blockTypes').texts());
    this.realTypes = json.get('blockRealTypes').isMissing
      ? ['pe', 'elf', 'macho', 'class']
      : json.get('blockRealTypes').texts();
    this.actions = json.get('action').isMissing ? ['replace'] : json.get('action').texts();
    this.replaceText = json.get('replaceText').text('The attachment {name} was removed: {reason}.');
    this.subjectTag = json.get('subjectTag').text('[attachment removed]');
  }

  does(action: string): bool {
    return this.actions.includes(action);
  }

  /** What became of the attachment, for tags and headers. */
  get outcome(): string {
    return this.does('replace') ? 'removed' : this.does('reject') ? 'rejected' : 'found';
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
