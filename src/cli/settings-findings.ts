import type { Config, ServiceConfig } from '../config/config.ts';
import type { Manifest } from '../ocp/manifest.ts';
import { checkSettings, type SettingsAnswer } from '../sandbox/settings-check.ts';
import { nameOf, type ServiceFinding } from './effective-service.ts';
import { grantedOf } from './granted.ts';
import { printable } from '../base/printable.ts';

/** By service: what its settings have that its package's schema of them does not take, each at its key. Without a config nothing is held to grants. */
export async function settingsFindings(
  services: readonly ServiceConfig[],
  { manifestOf, config }: { manifestOf: (service: ServiceConfig) => Manifest | undefined; config?: Config },
): Promise<Map<string, ServiceFinding[]>> {
  const asked = services.flatMap((service) => {
    const manifest = manifestOf(service);
    return manifest?.settings === undefined ? [] : [{ service, manifest, schema: manifest.settings }];
  });
  const answers = await checkSettings(
    asked.map(({ service, schema }) => ({
      schema,
      settings: service.settings,
      ...(config && { granted: grantedOf(service, config) }),
    })),
  );
  return new Map(
    asked.map(({ service, manifest }, i) => [service.name, findingsOf(answers[i]!, nameOf(manifest))]),
  );
}

function findingsOf(answer: SettingsAnswer, name: string): ServiceFinding[] {
  if ('schemaFault' in answer) {
    const message = `${name} cannot be used: its schema of settings ${printable(answer.schemaFault)}`;
    return [{ path: ['plugin'], message }];
  }
  return answer.faults.map(({ path, message }) => ({
    path: ['settings', ...path],
    message: `${printable(message)} (${name})`,
    need: 'settings',
  }));
}
