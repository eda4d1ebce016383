/** Takes octets one at a time. */
export abstract class Sink {
  abstract put(octet: i32): void;

  /** No more come. */
  end(): void {}
}
