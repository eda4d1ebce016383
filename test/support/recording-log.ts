import type { Log } from '../../src/base/log.ts';

/** One line of the log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps what is logged. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = [];
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  /** The fields of the lines with this message. */
  said(message: string): LogLine['fields'][] {
    return this.lines.filter((line) => line.message === message).map(({ fields }) => fields);
  }

  #at(level: LogLine['level']): (fields: object, message: string) => void {
    return (fields, message) => {
      this.lines.push({ level, message, fields: { ...fields } });
    };
  }
}
