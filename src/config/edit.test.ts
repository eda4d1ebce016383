import { describe, expect, it } from 'vitest';
import { EditError, editYaml, type Edit } from './edit.ts';

const set = (path: Edit['path'], value: unknown): Edit => ({ kind: 'set', path, value });
const del = (path: Edit['path']): Edit => ({ kind: 'delete', path });

/** Name, before, edit, after. */
const CASES: [string, string, Edit, string][] = [
  [
    'a value, and leaves its comment and all others',
    `# top\nservices: # all\n  # the footer\n  footer:\n    mode: monitor   # watched\n    plugin: x # its plugin\n  # the end\n`,
    set(['services', 'footer', 'mode'], 'enforce'),
    `# top\nservices: # all\n  # the footer\n  footer:\n    mode: enforce   # watched\n    plugin: x # its plugin\n  # the end\n`,
  ],
  [
    'a value in the quotes that it has',
    `a: "acme/footer@1.0.0"\n`,
    set(['a'], 'acme/footer@1.1.0'),
    `a: "acme/footer@1.1.0"\n`,
  ],
  ['a value in single quotes', `a: 'one' # c\n`, set(['a'], 'two'), `a: 'two' # c\n`],
  ['a value that would be no text without quotes', `a: one\n`, set(['a'], 'true'), `a: "true"\n`],
  ['a value that YAML would read otherwise', `a: one\n`, set(['a'], '# no: comment'), `a: "# no: comment"\n`],
  [
    'a text of several lines',
    `a: |\n  one\n  two\n# c\nb: 1\n`,
    set(['a'], 'three'),
    `a: three\n# c\nb: 1\n`,
  ],
  ['what a key without a value has', `a:\nb: 1\n`, set(['a'], true), `a: true\nb: 1\n`],
  ['what a key without a value has, before its comment', `a: # c\nb: 1\n`, set(['a'], 1), `a: 1 # c\nb: 1\n`],
  ['what has ~', `a: { b: ~ }\n`, set(['a', 'b', 'c'], 1), `a: { b: { c: 1 } }\n`],
  [
    'a key after the last of a block, before the comment of what comes next',
    `s:\n  a:\n    plugin: x # why\n\n  # what b is\n  b: {}\n`,
    set(['s', 'a', 'enabled'], false),
    `s:\n  a:\n    plugin: x # why\n    enabled: false\n\n  # what b is\n  b: {}\n`,
  ],
  [
    'a key after one with a text of several lines',
    `s:\n    a: |\n      one\n\n      two\n# c\nt: 1\n`,
    set(['s', 'b'], 2),
    `s:\n    a: |\n      one\n\n      two\n    b: 2\n# c\nt: 1\n`,
  ],
  [
    'a key after a nested block',
    `s:\n  a:\n    l:\n    - 1\n    - x: 2 # deep\n  b: 1\n`,
    set(['s', 'a', 'm'], { k: 1 }),
    `s:\n  a:\n    l:\n    - 1\n    - x: 2 # deep\n    m:\n      k: 1\n  b: 1\n`,
  ],
  [
    'a key after the comments that belong to the one before it',
    `s:\n  a:\n    t:\n      u: 1\n      # v: 2\n      # w: 3\n    # about b\n  b: 1\n`,
    set(['s', 'a', 'x'], 1),
    `s:\n  a:\n    t:\n      u: 1\n      # v: 2\n      # w: 3\n    x: 1\n    # about b\n  b: 1\n`,
  ],
  [
    'maps on the way that are missing',
    `s:\n  a:\n    plugin: x\n`,
    set(['s', 'a', 'grants', 'http'], { targets: ['https://api.example.com'], requestsPerMinute: 60 }),
    `s:\n  a:\n    plugin: x\n    grants:\n      http: { targets: [https://api.example.com], requestsPerMinute: 60 }\n`,
  ],
  [
    'long maps over several lines',
    `s: # here\n  a: { plugin: x }\n`,
    set(['s', 'b'], {
      plugin: 'acme/footer@1.0.0',
      settings: {
        text: 'A footer of more than one word, and of more than one line in an editor that is not wide',
      },
    }),
    `s: # here\n  a: { plugin: x }\n  b:\n    plugin: acme/footer@1.0.0\n    settings:\n      text:\n`.replace(
      'text:\n',
      'text: "A footer of more than one word, and of more than one line in an editor that is not wide"\n',
    ),
  ],
  [
    'at the end of a file without a last line end',
    `a: 1\ns:\n  b: 2`,
    set(['s', 'c'], 3),
    `a: 1\ns:\n  b: 2\n  c: 3`,
  ],
  [
    'a section that is missing',
    `a: 1 # c\n# end\n`,
    set(['s', 'b', 'c'], 1),
    `a: 1 # c\ns:\n  b: { c: 1 }\n# end\n`,
  ],
  [
    'with the line ends that it has',
    `s:\r\n  a: 1 # c\r\n# e\r\n`,
    set(['s', 'b'], { c: 1 }),
    `s:\r\n  a: 1 # c\r\n  b:\r\n    c: 1\r\n# e\r\n`,
  ],
  ['a value in a file with CRLF', `s: one\r\nt: 1\r\n`, set(['s'], 'two'), `s: two\r\nt: 1\r\n`],
  [
    'a flow map, which stays one',
    `a: { plugin: x, mode: enforce } # c\n`,
    set(['a', 'mode'], 'monitor'),
    `a: { plugin: x, mode: monitor } # c\n`,
  ],
  [
    'a key of a flow map',
    `a: { plugin: x } # c\n`,
    set(['a', 'grants', 'clock'], true),
    `a: { plugin: x, grants: { clock: true } } # c\n`,
  ],
  [
    'a key of a flow map with a comma at its end',
    `a: { plugin: x, }\n`,
    set(['a', 'b'], 1),
    `a: { plugin: x, b: 1, }\n`,
  ],
  ['a key of an empty flow map', `a: {}\nb: { }\n`, set(['a', 'b'], 1), `a: { b: 1 }\nb: { }\n`],
  [
    'a key of a flow map over several lines',
    `a:\n  {\n    b: 1, # one\n    c: 2 # two\n  }\n`,
    set(['a', 'd'], 3),
    `a:\n  {\n    b: 1, # one\n    c: 2, # two\n    d: 3\n  }\n`,
  ],
  [
    'a key of a flow map over several lines, each with its comma',
    `a: {\n    b: 1, # one\n    c: 2, # two\n}\n`,
    set(['a', 'd'], 3),
    `a: {\n    b: 1, # one\n    c: 2, # two\n    d: 3,\n}\n`,
  ],
  [
    'JSON, which stays JSON',
    `{"a":{"b":"x"},"c":[1]}`,
    set(['a', 'd'], { e: ['f'] }),
    `{"a":{"b":"x","d":{"e":["f"]}},"c":[1]}`,
  ],
  ['a value in JSON', `{"a": {"b": "x"}}`, set(['a', 'b'], 'y'), `{"a": {"b": "y"}}`],
  ['an empty map in JSON', `{"a":{}}`, set(['a', 'b'], 'y'), `{"a":{"b":"y"}}`],
  [
    'an item of a block list',
    `g:\n  - a\n  - service: b # c\n    when: { x: 1 }\n\n# end\nh: 1\n`,
    set(['g', 2], 'c'),
    `g:\n  - a\n  - service: b # c\n    when: { x: 1 }\n  - c\n\n# end\nh: 1\n`,
  ],
  ['an item of a list that is not indented', `g:\n- a\n- b`, set(['g', 2], 'c'), `g:\n- a\n- b\n- c`],
  ['an item of a flow list', `g: { in: [a, b] }\n`, set(['g', 'in', 2], 'c'), `g: { in: [a, b, c] }\n`],
  ['an item of an empty list', `g: []\n`, set(['g', 0], 'c'), `g: [c]\n`],
  ['an item of a list in JSON', `{"g":["a"]}`, set(['g', 1], 'c'), `{"g":["a", "c"]}`],
  [
    'a block by one line',
    `a:\n  t:\n    - x\n    - y # c\n  u: 1\n`,
    set(['a', 't'], ['z']),
    `a:\n  t: [z]\n  u: 1\n`,
  ],
  ['a list that is not indented by one line', `t:\n- x\n- y\nu: 1\n`, set(['t'], ['z']), `t: [z]\nu: 1\n`],
  ['keys in quotes', `"s":\n  'a b': 1\n`, set(['s', 'a b'], 2), `"s":\n  'a b': 2\n`],
  ['behind a byte order mark', `\uFEFFa: 1\n`, set(['b'], 2), `\uFEFFa: 1\nb: 2\n`],
  ['an alias by a value of its own', `a: &x one\nb: *x\n`, set(['b'], 'two'), `a: &x one\nb: two\n`],
  [
    'below an anchor that nothing refers to',
    `a: &x\n  b: 1\n`,
    set(['a', 'c'], 2),
    `a: &x\n  b: 1\n  c: 2\n`,
  ],
  ['nothing where it is so already', `a: { b: 1 }\n`, set(['a'], { b: 1 }), `a: { b: 1 }\n`],
  [
    'a key',
    `a:\n  b: 1 # b\n  # about c\n  c: 2\n  d: 3\n`,
    del(['a', 'c']),
    `a:\n  b: 1 # b\n  # about c\n  d: 3\n`,
  ],
  [
    'a key with all below it',
    `a:\n  b:\n    c: |\n      x\n    d: 2\n  e: 3\n`,
    del(['a', 'b']),
    `a:\n  e: 3\n`,
  ],
  [
    'a key with maps that it leaves empty',
    `a:\n  p: 1\n  g:\n    http:\n      t: 1\nb: 1\n`,
    del(['a', 'g', 'http', 't']),
    `a:\n  p: 1\nb: 1\n`,
  ],
  ['the first of a flow map', `a: { b: 1, c: 2 }\n`, del(['a', 'b']), `a: { c: 2 }\n`],
  ['the last of a flow map', `a: { b: 1, c: 2 }\n`, del(['a', 'c']), `a: { b: 1 }\n`],
  ['one in the middle of JSON', `{"a":1,"b":2,"c":3}`, del(['b']), `{"a":1,"c":3}`],
  ['at the end of a file without a last line end', `a: 1\nb: 2`, del(['b']), `a: 1\n`],
  ['nothing where nothing is', `a: 1\n`, del(['b', 'c']), `a: 1\n`],
  ['a key whose value is beside CRLF', `a: 1\r\nb: 2\r\nc: 3\r\n`, del(['b']), `a: 1\r\nc: 3\r\n`],
];

describe('an edit changes', () => {
  it.each(CASES)('%s', (_name, before, edit, after) => {
    expect(editYaml(before, [edit])).toBe(after);
  });

  it('several things, one after the other', () => {
    const edits = [set(['s', 'b'], { plugin: 'x' }), set(['g', 'in', 1], 'b'), del(['s', 'a', 'off'])];
    expect(editYaml('s:\n  a:\n    plugin: y\n    off: 1\ng:\n  in: [a]\n', edits)).toBe(
      's:\n  a:\n    plugin: y\n  b:\n    plugin: x\ng:\n  in: [a, b]\n',
    );
  });
});

describe('an edit is refused', () => {
  it.each<[string, string, Edit]>([
    ['below an anchor that an alias refers to', 'a: &x { b: 1 }\nc: *x\n', set(['a', 'b'], 2)],
    ['below an alias', 'a: &x { b: 1 }\nc: *x\n', set(['c', 'b'], 2)],
    ['that would take an anchor away', 'a: &x { b: 1 }\nc: *x\n', del(['a'])],
    ['of an anchored value', 'a: &x one\nc: *x\n', set(['a'], 'two')],
    ['in what is no map', 'a: 1\n', set(['a', 'b'], 2)],
    ['in a list', 'a: [1]\n', set(['a', 'b'], 2)],
    ['past the end of a list', 'a: [1]\n', set(['a', 3], 2)],
    ['in merge keys', 'a: &x { b: 1 }\nc: { <<: *x, d: 1 }\n', set(['c', 'd'], 2)],
    ['in what is no YAML', 'a: [\n', set(['a'], 2)],
  ])('%s', (_name, text, edit) => {
    expect(() => editYaml(text, [edit])).toThrow(EditError);
  });
});

/** Everything that can stand around the place of an edit. */
const NASTY = `%YAML 1.2
---
# before
hostname: "gate.test"   # quoted
? explicit
: value
downstreams:   {local: {protocol: maildir, path: './mail # no comment'}}
x-any: &any { one: 1 }

services:

  # one
  'one': # after the key
    plugin: journal
    settings: *any   # alias
    limits:
       memoryMiB: 16
      # odd comment
    # trailing, deep

  two: {plugin: journal, "mode": monitor,
    settings: {text: "a
      folded text, with: a colon"}, # comment
    }
  three:
    plugin: >-
      jour
      nal
  four:
    plugin: journal
    settings:
      - not a map
      -
        - nested
# at the margin
groups:
  inbound:
  - one
  -   service: two
      when: {recipientDomain: [example.com,
        example.net]}
  # last
  outbound: []
...
`;

describe('in a file with everything in it', () => {
  const edits: Edit[] = ['one', 'two', 'three', 'four', 'five'].flatMap((name) => [
    set(['services', name, 'enabled'], false),
    set(['services', name, 'plugin'], 'acme/footer@1.0.0'),
    set(['services', name, 'grants', 'http'], { targets: ['https://api.example.com'] }),
    set(['services', name, 'limits'], { memoryMiB: 1 }),
    del(['services', name, 'plugin']),
    del(['services', name, 'settings']),
    del(['services', name]),
  ]);
  edits.push(set(['groups', 'inbound', 2], 'three'), set(['groups', 'outbound', 0], 'one'));
  edits.push(set(['groups', 'new'], ['one', 'two']), set(['hostname'], 'mx.test'), del(['groups']));

  // What the values are is held to by editYaml itself; what is asserted here is that all the rest stays.
  it.each(edits.map((edit) => [`${edit.kind} ${edit.path.join('.')}`, edit] as const))(
    '%s',
    (_name, edit) => {
      for (const text of [NASTY, NASTY.replaceAll('\n', '\r\n')]) {
        const lines = new Set(text.split('\n'));
        const after = editYaml(text, [edit]).split('\n');
        const fresh = after.filter((line) => !lines.has(line));
        expect(fresh.length).toBeLessThanOrEqual(edit.kind === 'set' ? 4 : 1);
        // The text of two lines and the list of four that are values here.
        const gone = edit.kind === 'set' ? 3 : lines.size;
        expect(text.split('\n').length - after.length).toBeLessThanOrEqual(gone);
      }
    },
  );
});
