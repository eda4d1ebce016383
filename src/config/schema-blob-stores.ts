import { z } from 'zod';
import { duration, filePath, httpOrigin, word } from './scalars.ts';
import { map } from './schema-maps.ts';

const BUCKET_RULE = 'must be the name of a bucket: 3 to 63 of a-z, 0-9, "." and "-"';
const PREFIX_RULE =
  'must have at most 100 of A-Z, a-z, 0-9, "-", "_", "." and "/", none of its parts empty, "." or ".."';
const REGION_RULE = 'must be a region such as eu-central-1';
const KEY_ID_RULE = 'must be the id of a key: 1 to 128 of A-Z, a-z, 0-9, ":", ".", "-" and "_"';

/** An S3-compatible store. All of it goes into links, which must fit into a line of mail (998 octets). */
export const blobStore = map({
  protocol: word('s3'),
  endpoint: httpOrigin,
  region: z.string(REGION_RULE).regex(/^[A-Za-z0-9-]{1,64}$/, REGION_RULE),
  bucket: z.string(BUCKET_RULE).regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, BUCKET_RULE),
  prefix: z
    .string(PREFIX_RULE)
    .regex(/^(?!\/)(?!.*(?:^|\/)\.{0,2}\/)[\w./-]{0,100}$/, PREFIX_RULE)
    .default('postern/'),
  pathStyle: z.boolean('must be true or false').default(true),
  accessKeyId: z.string(KEY_ID_RULE).regex(/^[\w:.-]{1,128}$/, KEY_ID_RULE),
  secretKeyFile: filePath,
  timeout: duration('1s', '10m').prefault('20s'),
});
