/**
 * Where the compiled file of a worker thread is. Node 20 can't run TypeScript, so a worker always runs from
 * `dist/`, also when the file that starts it runs from `src/` under the test runner.
 */
export function workerUrl(name: string, importerUrl: string): URL {
  const url = new URL(name, importerUrl);
  url.pathname = url.pathname.replace(/\.ts$/, '.js');
  // The last `src` is ours: the checkout itself may lie in /usr/src. A compiled importer is in `dist/` already.
  if (importerUrl.endsWith('.ts')) url.pathname = url.pathname.replace(/^(.*)\/src\//, '$1/dist/');
  return url;
}
