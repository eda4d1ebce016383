import type { HeaderIndex } from './header-index.ts';

/**
 * How many hosts the message has passed: its Received fields (RFC 5321 section 6.3). A gate refuses a message with too many,
 * `554 5.4.6`, since it most likely goes round in a loop.
 */
export const countHops = (header: HeaderIndex): number => header.named('Received').length;
