import { describe, expect, it } from 'vitest';
import { hideSettings } from './hide-settings.ts';

describe('a config to be shown', () => {
  it.each([
    [
      'a map in one line',
      'services:\n  a: { settings: { token: x, deep: [y] }, mode: monitor } # c\n',
      'services:\n  a: { settings: …, mode: monitor } # c\n',
    ],
    [
      'a block',
      'services:\n  a:\n    settings:\n      token: x\n      more:\n        - y\n    mode: monitor\n',
      'services:\n  a:\n    settings:\n      …\n      …\n        …\n    mode: monitor\n',
    ],
    [
      'a text over several lines',
      'services:\r\n  a:\r\n    settings:\r\n      key: |\r\n        one\r\n\r\n        two\r\n    mode: x\r\n',
      'services:\r\n  a:\r\n    settings:\r\n      …\r\n        …\r\n\r\n        …\r\n    mode: x\r\n',
    ],
    [
      'JSON',
      '{"services":{"a":{"settings":{"token":"x"},"mode":"monitor"}}}',
      '{"services":{"a":{"settings":…,"mode":"monitor"}}}',
    ],
    [
      'a service of that name',
      'services:\n  settings: { plugin: x, settings: { a: b } }\n',
      'services:\n  settings: { plugin: x, settings: … }\n',
    ],
    ['nothing', 'services:\n  a:\n    settings:\n', 'services:\n  a:\n    settings:\n'],
  ])('has no values of settings: %s', (_, text, shown) => {
    expect(hideSettings(text)).toBe(shown);
  });
});
