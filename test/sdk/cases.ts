import { ATTACHMENTS, BODIES, SUBJECTS, WORD } from './messages.ts';

type Settings = Readonly<Record<string, unknown>>;

/** One of the three filters that every SDK has in `examples/`, with what it is tried on. */
export interface Case {
  readonly filter: string;
  /** Each is tried on each message. */
  readonly settings: Readonly<Record<string, Settings>>;
  readonly messages: Readonly<Record<string, string>>;
  /** What `configure` complains about, and how. */
  readonly complaints: readonly (readonly [settings: Settings, sentence: string])[];
}

const WORD_TOO_LONG = `Cannot use word: found ${JSON.stringify(`${'y'.repeat(60)}…`)}, allowed is a text of 1 to 100 characters on one line`;

export const CASES: readonly Case[] = [
  {
    filter: 'add-header',
    settings: {
      none: {},
      'a value': { value: 'by the operator' },
      'UTF-8': { name: 'X-Ünits', value: 'Größe 😀 "x" \\ /' },
      'a name': { name: 'X-Other', value: 'Größe 😀 "x" \\ /' },
      'half a surrogate pair': { value: 'a\ud83db\ude00c' },
      'a long value': { value: 'many words '.repeat(40) },
    },
    messages: SUBJECTS,
    complaints: [
      [{ nmae: 1 }, 'Cannot use nmae: found 1, allowed keys are name, value'],
      [{ name: ['a'] }, 'Cannot use name: found a list, allowed is a text of 1 to 60 characters on one line'],
      [{ name: '' }, 'Cannot use name: found "", allowed is a text of 1 to 60 characters on one line'],
      [
        { value: 'a\nb' },
        'Cannot use value: found "a\\u000ab", allowed is a text of 1 to 500 characters on one line',
      ],
      [
        { name: true, value: 7 },
        'Cannot use name: found true, allowed is a text of 1 to 60 characters on one line',
      ],
      [
        { value: { a: 1 } },
        'Cannot use value: found an object, allowed is a text of 1 to 500 characters on one line',
      ],
      [
        { value: '😀'.repeat(251) },
        `Cannot use value: found "${'😀'.repeat(30)}…", allowed is a text of 1 to 500 characters on one line`,
      ],
    ],
  },
  {
    filter: 'reject-word',
    settings: {
      'the word': { word: WORD },
      'in capitals': { word: WORD.toUpperCase() },
      'one letter': { word: 'a' },
      'with a quote': { word: '"' },
    },
    messages: BODIES,
    complaints: [
      [{}, 'Cannot use word: found nothing, required is a text'],
      [{ word: null }, 'Cannot use word: found null, allowed is a text of 1 to 100 characters on one line'],
      [{ word: 'y'.repeat(101) }, WORD_TOO_LONG],
    ],
  },
  {
    filter: 'replace-attachment',
    settings: {
      none: {},
      'a list': { extensions: ['com', 'EXE'] },
      'a text': { extensions: 'txt' },
      'an empty list': { extensions: [] },
    },
    messages: ATTACHMENTS,
    complaints: [
      [
        { extensions: ['exe', ''] },
        'Cannot use extensions[1]: found "", allowed is a text of 1 to 20 characters on one line',
      ],
      [
        { extensions: -1.5e3 },
        'Cannot use extensions: found -1500, allowed is a text of 1 to 20 characters on one line',
      ],
    ],
  },
];
