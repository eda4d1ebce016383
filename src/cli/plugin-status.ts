import type { Command } from 'commander';
import type { ServicesAnswer, ServiceStatus } from '../admin/answers.ts';
import type { MeterReading } from '../ocp/meter-reading.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { suggestNear } from '../config/suggest.ts';
import { services } from './control-client.ts';
import { CommandError, EXIT } from './exit.ts';
import { formatDuration, formatMicros, formatSize, formatTime, printJson, printTable } from './output.ts';

/** `postern plugin status`: what the services of the running server do. */
export function addStatusCommand(plugin: Command, common: (command: Command) => Command): void {
  common(plugin.command('status [service]'))
    .description('Show what the services of the running server have done: all in a table, or one in full')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Counting begins with the server, and anew for a service when it gets another plugin. FAILED are calls that failed; what
an open breaker kept from being asked is apart. WOULD DIFFER: in mode monitor, answers that would have made a
difference in enforce.

Exit codes: 0 done, 1 no server runs on this config's state directory, or it does not answer, 2 the config does not
check, 3 the server has no such service.`,
    )
    .action(async (name: string | undefined, options: CommonOptions & { json?: boolean }) => {
      const { config } = loadOrFail(options.config);
      const answer = await services(config);
      if (!answer.running)
        throw new CommandError(
          EXIT.failed,
          `Cannot show what services do: no server runs on ${config.stateDir}`,
        );
      const { running: _running, ...status } = answer;
      if (name === undefined) {
        if (options.json === true) printJson(status);
        else printAll(status);
        return;
      }
      const one = status.services.find(({ service }) => service === name);
      if (one === undefined) throw new CommandError(EXIT.notFound, missing(name, status));
      if (options.json === true) printJson(one);
      else printTable(['FIELD', 'VALUE'], fieldsOf(one));
    });
}

function missing(name: string, { services: found }: ServicesAnswer): string {
  const names = found.map(({ service }) => service);
  const there = names.length === 0 ? 'none' : names.join(', ');
  return `Cannot find the service ${name}: the running server has ${there}${suggestNear(name, names)}`;
}

function printAll({ services: all }: ServicesAnswer): void {
  const columns = [
    'SERVICE',
    'MODE',
    'CALLS',
    'P50',
    'P99',
    'FAILED',
    'BREAKER',
    'MEMORY',
    'WOULD DIFFER',
    'PLUGIN',
  ];
  printTable(columns, all.map(rowOf));
}

function rowOf(status: ServiceStatus): string[] {
  const { service, breakers, reading } = status;
  const breaker =
    breakers.length === 0 ? 'closed' : `open at ${breakers.map(({ stage }) => stage).join(',')}`;
  const counted =
    reading === undefined
      ? ['-', '-', '-', '-', '-', '-', '-']
      : [
          String(reading.calls),
          ...(reading.calls === 0 ? ['-', '-'] : [formatMicros(reading.p50), formatMicros(reading.p99)]),
          String(failedCalls(reading)),
          breaker,
          formatSize(reading.memoryPeak),
          status.mode === 'monitor' ? String(reading.disagreements.answers) : '-',
        ];
  return [service, modeOf(status), ...counted, status.package ?? status.where ?? status.plugin];
}

const modeOf = ({ enabled, mode }: ServiceStatus): string => (enabled ? mode : 'disabled');

const failedCalls = ({ failures }: MeterReading): number =>
  Object.entries(failures).reduce((sum, [kind, count]) => (kind === 'unasked' ? sum : sum + count), 0);

function fieldsOf(status: ServiceStatus): string[][] {
  const { service, plugin, where, digest, groups, breakers, reading } = status;
  return [
    ['service', service],
    ['plugin', status.package ?? plugin],
    ...(where === undefined || where === (status.package ?? plugin) ? [] : [['from', where]]),
    ...(digest === undefined ? [] : [['digest', digest]]),
    ['mode', modeOf(status)],
    ['isolation', status.isolation],
    ['groups', groups.join(', ')],
    ...breakers.flatMap(({ stage, failures, failure, cause, openMs, probeInMs }) => [
      [
        'breaker',
        `open at ${stage} for ${formatDuration(openMs)}, next probe in ${formatDuration(probeInMs)}`,
      ],
      ['', `after ${failures} failures in a row, the last: ${failure} (${cause})`],
    ]),
    ...(breakers.length === 0 ? [['breaker', 'closed']] : []),
    ...(reading === undefined ? [] : countedIn(reading)),
    ...(lacksLeave(status)
      ? [['', `to make a change in enforce, it needs: postern plugin grant ${service} modify`]]
      : []),
  ];
}

/** It proposes changes in `monitor` that would be failures in `enforce`. */
const lacksLeave = ({ mode, allowModify, reading }: ServiceStatus): boolean =>
  mode === 'monitor' && !allowModify && (reading?.disagreements.kinds.change ?? 0) > 0;

function countedIn(reading: MeterReading): string[][] {
  const { stages, disagreements } = reading;
  return [
    ['counted since', formatTime(reading.since)],
    ['calls', latency(reading)],
    ...stages.map((one) => [`  at ${one.stage}`, latency(one)]),
    ['failures', counts(reading.failures)],
    ['decisions', counts(reading.decisions)],
    ['messages changed', String(reading.modified)],
    ['tags given', counts(Object.fromEntries(reading.tags.map(({ tag, count }) => [tag, count])))],
    ['memory peak', formatSize(reading.memoryPeak)],
    ['would differ', differing(disagreements)],
    ...disagreements.examples.map(({ at, transaction, session, stage, would, done }) => [
      '',
      `${formatTime(at)} ${transaction ?? `session ${session}`} at ${stage}: would ${would.join(', ')}, was ${done.join(', ')}`,
    ]),
  ];
}

const differing = ({ answers, kinds }: MeterReading['disagreements']): string =>
  answers === 0 ? 'none' : `${answers} of its answers: ${counts(kinds)}`;

type Latency = Pick<MeterReading, 'calls' | 'p50' | 'p99' | 'max'>;

const latency = ({ calls, p50, p99, max }: Latency): string =>
  calls === 0
    ? '0'
    : `${calls}: p50 ${formatMicros(p50)}, p99 ${formatMicros(p99)}, max ${formatMicros(max)}`;

function counts(of: Readonly<Record<string, number>>): string {
  const some = Object.entries(of).filter(([, count]) => count > 0);
  return some.length === 0 ? 'none' : some.map(([name, count]) => `${name} ${count}`).join(', ');
}
