// Starts the probe as Postern starts a confined process, as whatever user this runs as, and passes on what the probe says. Words: the
// folder of the compiled program, the folder of the probe, the names of what to try and what to try it on as JSON.
import { createInterface } from 'node:readline';

const [dist, folder, task] = process.argv.slice(2);
const { isRoot, startConfined } = await import(`${dist}/sandbox/confine.js`);

const refused = (thrown) => {
  console.log(JSON.stringify(['refused', thrown.message]));
  process.exit(1);
};
const confined = await startConfined({
  main: '/app/probe.cjs',
  files: { '/app/probe.cjs': `${folder}/probe.cjs`, '/app/native.node': `${folder}/native.node` },
  flags: ['--disable-wasm-trap-handler'],
}).catch(refused);
const lines = createInterface({ input: confined.output })[Symbol.asyncIterator]();
const next = async () => (await lines.next()).value;
const MIB = 2 ** 20;

if ((await next()) === '"started"') {
  await confined.limit({ octets: 256 * MIB, addressSpace: 16_384 * MIB });
  confined.input.write(JSON.stringify({ uid: isRoot() ? 65_400 : undefined }));
  await next();
  confined.verify();
  console.log(JSON.stringify(['pid', confined.pid]));
  confined.input.write(task);
  for (let line = await next(); line !== undefined; line = await next()) console.log(line);
}
console.log(JSON.stringify(['end', await confined.ended]));
