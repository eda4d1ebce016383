import { log_debug, log_error, log_info, log_warn } from '@extism/as-pdk/lib/env';
import { textToExtism } from './extism';

/** Lines in Postern's log, under the service's name. What is over the service's log limit is dropped. */
export namespace log {
  export function debug(text: string): void {
    log_debug(textToExtism(text));
  }

  export function info(text: string): void {
    log_info(textToExtism(text));
  }

  export function warn(text: string): void {
    log_warn(textToExtism(text));
  }

  export function error(text: string): void {
    log_error(textToExtism(text));
  }
}
