import { Sink } from './sink';

/** Collects octets as text, one character for each. */
export class Gathering extends Sink {
  private units: u16[] = [];

  put(octet: i32): void {
    this.units.push(<u16>octet);
  }

  get text(): string {
    return String.UTF16.decodeUnsafe(this.units.dataStart, this.units.length << 1);
  }
}
