import { OperationalError } from '../base/errors.ts';
import { DIGEST_FORM } from './digest.ts';

/** `oci://registry.example.com:5000/acme/footer:1.2.0`, or with `@sha256:…` in the place of the tag. */
export interface OciReference {
  /** Host and port. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest `sha256:…`. */
  readonly reference: string;
}

/** The grammar of names and tags of the OCI distribution specification 1.1. */
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Throws an OperationalError of code `package_usage`. */
export function parseOciReference(text: string): OciReference {
  const [, registry = '', path = ''] = /^oci:\/\/([^/@\s]+)\/(.+)$/.exec(text) ?? [];
  const at = path.includes('@') ? path.indexOf('@') : path.lastIndexOf(':');
  const [repository, reference] = at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at + 1)];
  const isReference = path.includes('@') ? DIGEST_FORM.test(reference) : TAG.test(reference);
  const isRegistry = /^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/.test(registry);
  if (!isRegistry || repository.length > 255 || !REPOSITORY.test(repository) || !isReference) {
    throw new OperationalError(
      'package_usage',
      `Cannot use ${text}: must be oci://registry/repository:tag or oci://registry/repository@sha256:…`,
    );
  }
  return { registry, repository, reference };
}

export const formatOciReference = ({ registry, repository, reference }: OciReference): string =>
  `oci://${registry}/${repository}${DIGEST_FORM.test(reference) ? '@' : ':'}${reference}`;
