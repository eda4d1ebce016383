import { expect, test } from 'vitest';
import { compareVersions, parsePackageName } from './package-name.ts';

test('A package is named by vendor, name and version', () => {
  expect(parsePackageName('acme/mail-footer@1.2.3-rc.1+b5')).toEqual({
    id: 'acme/mail-footer',
    version: '1.2.3-rc.1+b5',
  });
});

test.each([
  'acme/footer',
  'footer@1.0.0',
  'acme/footer@1.0',
  'acme/footer@v1.0.0',
  'acme/footer@1.0.0@2.0.0',
  'acme/../footer@1.0.0',
  'acme/footer@1.0.0/..',
  'acme/.@1.0.0',
  'Acme/footer@1.0.0',
  'acme/footer@01.0.0',
  `acme/footer@1.0.${'0'.repeat(200)}`,
  `acme/footer@1.0.0-${'a'.repeat(100)}`,
])('%s is no name of a package', (text) => {
  expect(parsePackageName(text)).toBeUndefined();
});

test('Versions are in the order of semver.org', () => {
  const ordered = [
    '0.0.1',
    '0.9.0',
    '0.10.0',
    '1.0.0-1',
    '1.0.0-2',
    '1.0.0-10',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.10',
    '9.0.0',
    '10.0.0',
    '99999999999999999999.0.0',
  ];
  for (const [at, one] of ordered.entries()) {
    for (const [otherAt, other] of ordered.entries()) {
      expect([one, other, Math.sign(compareVersions(one, other))]).toEqual([
        one,
        other,
        Math.sign(at - otherAt),
      ]);
    }
  }
  expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
});
