import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Where some builds of Node keep parts of it. */
const NODE_FILES = '/usr/share/nodejs';

/**
 * The arguments for `bwrap` that give a confined process the program that this process is, at NODE, with its libraries: each file by
 * itself, read-only, where it is outside.
 */
export function nodeArguments(): string[] {
  const libraries = loadedLibraries();
  const folders = [...new Set(libraries.map((path) => dirname(path)))];
  return [
    ...['/lib', '/lib64'].flatMap(linkArguments),
    ...libraries.flatMap(namesOf).flatMap(([path, name]) => ['--ro-bind', path, name]),
    ...libraries.filter(isLoader).flatMap(loaderArguments),
    ...(existsSync(NODE_FILES) ? ['--ro-bind', NODE_FILES, NODE_FILES] : []),
    '--ro-bind',
    process.execPath,
    NODE,
    '--setenv',
    'LD_LIBRARY_PATH',
    folders.join(':'),
  ];
}

export const NODE = '/app/node';

/** Those of the system only: add-ons that this process has loaded are none of a confined one's. */
function loadedLibraries(): string[] {
  const paths = new Set<string>();
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const path = /\s(\/\S+\.so(?:\.[\w.-]+)?)$/.exec(line)?.[1];
    if (path !== undefined) paths.add(path);
  }
  return [...paths].sort();
}

/** A library with the names that it goes by in its folder: `libx.so.6` is mostly a link to `libx.so.6.0.30`. */
function namesOf(path: string): [path: string, name: string][] {
  const folder = dirname(path);
  const stem = basename(path).replace(/\.so\b.*$/, '.so');
  const names = readdirSync(folder).filter((name) => name.startsWith(stem));
  return names
    .map((name) => join(folder, name))
    .filter((name) => realpathSync(name) === path)
    .map((name) => [path, name]);
}

const isLoader = (path: string): boolean => /^ld-(linux|musl)/.test(basename(path));

/** Programs name their loader by a path of its own, mostly a link to the file. */
function loaderArguments(path: string): string[] {
  const names = ['/lib', '/lib64'].map((folder) => `${folder}/${basename(path)}`);
  return names.filter((name) => existsSync(name)).flatMap((name) => ['--ro-bind', path, name]);
}

/** Where all is below /usr, /lib is a link to there. */
function linkArguments(path: string): string[] {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return [];
  const target = readlinkSync(path);
  return ['--dir', resolve('/', target), '--symlink', target, path];
}
