import type { MessagePort } from 'node:worker_threads';
import type { MessageImage } from '../mail/image.ts';
import type { Facts } from '../ocp/facts.ts';
import type { CalloutState, Service, ServiceOutcome } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';
import type { Refusal } from './breakers.ts';
import type { HostRequest } from './host-line.ts';
import type { PluginModule } from './plugin-module.ts';

/** What passes between the pool and its worker threads. Plain data. */
export interface WorkerSetup {
  readonly port: MessagePort;
  /** See `progress.ts`. */
  readonly progress: SharedArrayBuffer;
  /** See `host-line-thread.ts`. */
  readonly bell: SharedArrayBuffer;
  readonly services: readonly LoadedService[];
}

/** A service with its plugin, or with the reason why it has none. */
export interface LoadedService {
  readonly service: Service;
  readonly plugin: PluginModule | { readonly reason: string };
}

/** Ask these services one after another. Of the state, theirs is enough. */
export interface AskTask {
  readonly kind: 'ask';
  readonly stage: Stage;
  readonly services: readonly string[];
  /** At the index of a service that is not to be asked, how it fails instead; undefined if there is none. */
  readonly refusals: readonly (Refusal | undefined)[] | undefined;
  readonly facts: Facts;
  readonly image: MessageImage | undefined;
  readonly state: CalloutState;
}

/** Let one plugin check the settings of its service. */
export interface ConfigureTask {
  readonly kind: 'configure';
  readonly service: string;
}

/** Make an instance for the next call of this service: nobody waits for it. */
export interface PrepareTask {
  readonly kind: 'prepare';
  readonly service: string;
}

export type Task = AskTask | ConfigureTask | PrepareTask;

/** A worker says each of these as soon as it is true. */
export type Report =
  | { readonly kind: 'ready' }
  /** The service at work asks for something outside, and waits for the answer. */
  | { readonly kind: 'request'; readonly request: HostRequest }
  | {
      /** One service has answered. The next begins at once, unless `ocp/group-rule.ts` says that the group ends. */
      readonly kind: 'outcome';
      readonly outcome: ServiceOutcome;
      /** The message after its splices, if they changed it. */
      readonly image: MessageImage | undefined;
      /** All of its state, if it set any. */
      readonly state: CalloutState[string] | undefined;
      /** Services that are slow to start, so that an instance of each had better be made here before it is asked again. */
      readonly lacking: readonly string[];
    }
  | {
      /** An instance has been made ahead of need, or not: then `fault` says why. */
      readonly kind: 'prepared';
      readonly service: string;
      readonly fault: string | undefined;
      readonly lacking: readonly string[];
    }
  | {
      readonly kind: 'configured';
      /** What is wrong with the settings, or with the plugin; '' if nothing is. */
      readonly complaint: string;
    };
