import { z } from 'zod';
import { NOTICE_TO } from '../ocp/notice.ts';
import {
  dnsNames,
  duration,
  filePath,
  headerName,
  httpOrigin,
  integer,
  name,
  size,
  word,
} from './scalars.ts';
import { map } from './schema-maps.ts';

/** What can be granted, and what each is bound to. */
export const grants = map({
  clock: z.literal(true, 'must be true; leave the key out to grant no clock').optional(),
  kv: map({
    keys: integer(1, 1_000_000).default(10_000),
    bytes: size('1KiB', '1GiB').prefault('10MiB'),
  }).optional(),
  http: map({
    targets: z
      .array(httpOrigin, 'must be a list of origins such as https://api.example.com')
      .min(1, 'must have at least one origin such as https://api.example.com')
      .max(100, 'must have at most 100 origins'),
    allowPrivate: z.boolean('must be true or false').default(false),
    requestsPerMinute: integer(1, 100_000).default(600),
    timeout: duration('100ms', '60s').prefault('3s'),
    responseBytes: size('1KiB', '16MiB').prefault('1MiB'),
    secrets: z
      .array(map({ header: headerName, file: filePath }), 'must be a list of maps')
      .max(20, 'must have at most 20 entries')
      .default([]),
  }).optional(),
  directory: map({
    tables: z
      .array(name, 'must be a list of directories')
      .min(1, 'must have at least one directory')
      .max(100, 'must have at most 100 directories'),
    requestsPerMinute: integer(1, 1_000_000).default(6000),
  }).optional(),
  dns: map({
    names: z
      .array(dnsNames, 'must be a list of names such as *.example.org')
      .min(1, 'must have at least one name; leave the key out to grant all')
      .max(100, 'must have at most 100 names')
      .optional(),
    queriesPerMinute: integer(1, 1_000_000).default(6000),
    queriesPerCall: integer(1, 1000).default(50),
    timeout: duration('100ms', '60s').prefault('5s'),
  }).optional(),
  blob: map({
    blobs: integer(1, 100_000).default(10_000),
    bytes: size('1MiB', '1000GiB').prefault('10GiB'),
    blobBytes: size('1KiB', '1GiB').prefault('50MiB'),
    expires: duration('1m', '366d').prefault('30d'),
    putsPerMinute: integer(1, 100_000).default(600),
    store: name.optional(),
  }).optional(),
  notify: map({
    // Without `sender`: the sender of bad mail is forged more often than not.
    to: z
      .array(word(...NOTICE_TO), `must be a list of ${NOTICE_TO.join(', ')}`)
      .default(['postmaster', 'recipients']),
    perHour: integer(1, 100_000).default(100),
    incidents: z.boolean('must be true or false').default(true),
  }).optional(),
  auth: z.literal(true, 'must be true; leave the key out to grant no auth').optional(),
  key: map({
    keys: z
      .array(name, 'must be a list of names of keys')
      .min(1, 'must have at least one name of a key')
      .max(100, 'must have at most 100 names of keys'),
    operationsPerMinute: integer(1, 100_000).default(600),
  }).optional(),
  scan: map({
    scanner: name,
    requestsPerMinute: integer(1, 1_000_000).default(6000),
    bytesPerMinute: size('1MiB', '64GiB').prefault('4GiB'),
  }).optional(),
});
