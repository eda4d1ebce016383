import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { factsOf, serviceOf, startBench, type Bench } from '../abi/wat.ts';
import { LANGUAGES, skipped } from './language.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** Go brings a runtime with a scheduler and a collector: what a filter does with them works, or fails with a cause. */
const go = LANGUAGES.find(({ name }) => name === 'Go')!;

const SOURCE = `package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	postern "postern-plugin"
)

var calls int

//go:wasmexport on_connect
func onConnect() int32 {
	calls++
	switch postern.Settings().Get("task").Text() {
	case "garbage":
		sum := 0
		for i := 0; i < 4000; i++ {
			sum += len(make([]byte, 64*1024))
		}
		postern.Log.Info(fmt.Sprint(sum))
	case "goroutines":
		var all sync.WaitGroup
		found := make(chan int, 10)
		for i := range 10 {
			all.Add(1)
			go func() { found <- i; all.Done() }()
		}
		all.Wait()
		postern.Log.Info(fmt.Sprint(len(found)))
	case "date":
		postern.Log.Info(fmt.Sprint(time.Since(time.Unix(1.7e9, 0)) > 0))
	case "print":
		fmt.Println("said")
	case "environment":
		_, err := os.ReadFile("/etc/passwd")
		postern.Log.Info(fmt.Sprint(len(os.Args), len(os.Environ()), err != nil))
	case "panic":
		panic("on purpose")
	case "index":
		postern.Log.Info(fmt.Sprint(make([]byte, 1)[calls]))
	case "exit":
		os.Exit(3)
	case "sleep":
		before := time.Now()
		time.Sleep(20 * time.Millisecond)
		postern.Log.Info(fmt.Sprint(time.Since(before) >= 10*time.Millisecond))
	case "sleep for ever":
		time.Sleep(time.Hour)
	case "wait":
		<-make(chan int)
	case "memory":
		var kept [][]byte
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	}
	postern.Log.Info(fmt.Sprint("calls ", calls))
	return postern.Decide(new(postern.Decision))
}

func main() {}
`;

const WORKS: readonly (readonly [task: string, logs: readonly unknown[]])[] = [
  ['nothing', []],
  ['garbage', [{ level: 'info', text: '262144000' }]],
  ['goroutines', [{ level: 'info', text: '10' }]],
  ['date', [{ level: 'info', text: 'true' }]],
  ['print', [{ level: 'info', text: 'said ' }]],
  ['environment', [{ level: 'info', text: '0 0 true' }]],
  ['sleep', [{ level: 'info', text: 'true' }]],
];

const FAILS: readonly (readonly [task: string, cause: string, said: string])[] = [
  ['panic', 'it trapped: unreachable', 'panic: on purpose'],
  ['index', 'it trapped: unreachable', 'index out of range [1] with length 1'],
  ['exit', 'it called proc_exit(3)', ''],
  ['wait', 'it trapped: unreachable', 'all goroutines are asleep - deadlock!'],
  ['memory', 'it trapped: unreachable', 'out of memory'],
];

const reason = skipped(go);
describe.skipIf(reason !== '')(`a Go filter${reason}`, () => {
  let folder: string;
  let bench: Bench;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-go-'));
    writeFileSync(join(folder, 'filter.go'), SOURCE);
    await go.build(join(folder, 'filter.go'), join(folder, 'filter.wasm'));
    const files = { filter: readFileSync(join(folder, 'filter.wasm')) };
    const services = [...WORKS, ...FAILS].map(([task]) =>
      serviceOf(task, { plugin: 'filter', settings: { task } }),
    );
    const task = 'sleep for ever';
    services.push(serviceOf(task, { plugin: 'filter', settings: { task }, limits: { deadlineMs: 300 } }));
    bench = await startBench({ folder: new URL('./', import.meta.url), services, files });
  });

  afterAll(async () => {
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  const ask = async (task: string) => {
    const job = { stage: 'connect' as const, services: [task], facts: factsOf('connect'), state: {} };
    return (await bench.sandbox.run(job)).outcomes[0]!;
  };

  test.each(WORKS)('%s', async (task, logs) => {
    for (let call = 0; call < 2; call++) {
      const { result, logs: lines } = await ask(task);
      expect(result).toEqual({ kind: 'decision', decision: {} });
      expect(lines).toEqual([...logs, { level: 'info', text: 'calls 1' }]);
    }
  });

  test.each(FAILS)('%s is a failure with a cause', async (task, cause, said) => {
    const { result, logs } = await ask(task);
    expect(result).toEqual({ kind: 'failure', failure: 'trap', cause });
    // A write is a line, and Go writes a word at a time.
    expect(logs.map(({ text }) => text).join('')).toContain(said);
  });

  test('a sleep past the deadline ends with it, and the next call is answered', async () => {
    expect((await ask('sleep for ever')).result).toMatchObject({ kind: 'failure', failure: 'deadline' });
    expect((await ask('nothing')).result).toEqual({ kind: 'decision', decision: {} });
  });
});
