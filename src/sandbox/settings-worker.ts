import { parentPort } from 'node:worker_threads';
import { Ajv2020, type ErrorObject, type FuncKeywordDefinition } from 'ajv/dist/2020.js';
import { describeError } from '../base/errors.ts';
import { GRANTED_WORDS, grantedFault, type Granted, type GrantedWord } from './granted.ts';
import type { SettingsAnswer, SettingsFault, SettingsQuestion } from './settings-check.ts';

/** The thread of `settings-check.ts`: one question, one answer, until it is ended from outside. */

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const MOST_FAULTS = 20;

function answer({ schema, settings, granted }: SettingsQuestion): SettingsAnswer {
  const { $schema } = schema;
  if ($schema !== undefined && $schema !== DRAFT && $schema !== `${DRAFT}#`)
    return { schemaFault: `names another "$schema" than ${DRAFT}` };
  if ('$async' in schema) return { schemaFault: 'has "$async", which is no keyword of JSON Schema' };
  // A new one for each, so that no schema sees another. Keywords that it does not know are remarks, as the draft says.
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false, logger: false });
  addGranted(ajv, granted ?? {});
  try {
    const validate = ajv.compile(schema);
    if (settings === undefined || validate(settings)) return { faults: [] };
    return { faults: faultsOf(validate.errors ?? [], settings) };
  } catch (error) {
    return { schemaFault: `cannot be used: ${describeError(error)}` };
  }
}

/** The one keyword of our own. */
function addGranted(ajv: Ajv2020, granted: Granted): void {
  const validate: NonNullable<FuncKeywordDefinition['validate']> = (word: GrantedWord, value: unknown) => {
    const message = grantedFault(value, { word, granted });
    validate.errors = message === undefined ? [] : [{ keyword: 'granted', message, params: {} }];
    return message === undefined;
  };
  ajv.addKeyword({ keyword: 'granted', errors: true, metaSchema: { enum: GRANTED_WORDS }, validate });
}

/** Those that only say that something deeper, which is reported itself, does not hold. */
const WRAPPERS = new Set(['if', 'anyOf', 'oneOf']);

function faultsOf(errors: readonly ErrorObject[], settings: unknown): SettingsFault[] {
  const alternatives = new Set(
    errors.filter(({ keyword }) => WRAPPERS.has(keyword)).map(({ instancePath }) => instancePath),
  );
  const said = errors.filter(({ keyword }) => !WRAPPERS.has(keyword));
  const places = new Map<string, { fault: SettingsFault; isAlternative: boolean; messages: Set<string> }>();
  for (const error of said.length > 0 ? said : errors) {
    const isAlternative = alternatives.has(error.instancePath);
    const fault = faultOf(error, { settings, isAlternative });
    const key = JSON.stringify(fault.path);
    const place = places.get(key) ?? { fault, isAlternative, messages: new Set() };
    place.messages.add(fault.message);
    places.set(key, place);
  }
  return [...places.values()].slice(0, MOST_FAULTS).map(({ fault, isAlternative, messages }) => ({
    path: fault.path,
    message: [...messages].join(isAlternative ? ', or ' : '; '),
  }));
}

function faultOf(
  { instancePath, keyword, params, message }: ErrorObject,
  { settings, isAlternative }: { settings: unknown; isAlternative: boolean },
): SettingsFault {
  const path = stepsOf(instancePath, settings);
  const named = (key: string): string => String(params[key]);
  switch (keyword) {
    case 'additionalProperties':
      return { path: [...path, named('additionalProperty')], message: 'unknown key' };
    case 'unevaluatedProperties':
      return { path: [...path, named('unevaluatedProperty')], message: 'unknown key' };
    case 'propertyNames':
      return { path: [...path, named('propertyName')], message: 'this key is not allowed' };
    case 'required':
      // One of several keys that it could have is not missed at that key.
      return isAlternative
        ? { path, message: `must have ${named('missingProperty')}` }
        : { path: [...path, named('missingProperty')], message: 'missing' };
    case 'enum':
      return {
        path,
        message: `must be one of ${JSON.stringify(params['allowedValues']).slice(1, -1)}`.slice(0, 300),
      };
    case 'const':
      return { path, message: `must be ${JSON.stringify(params['allowedValue'])}`.slice(0, 300) };
    default:
      return { path, message: (message ?? `does not hold to "${keyword}"`).slice(0, 300) };
  }
}

/** A JSON pointer (RFC 6901) as steps; what is in a list is a number. */
function stepsOf(pointer: string, settings: unknown): (string | number)[] {
  let node = settings;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(node) ? Number(key) : key;
      node = typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined;
      return step;
    });
}

function post(message: SettingsAnswer | 'ready'): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this port is between threads
  parentPort!.postMessage(message);
}

parentPort!.on('message', (question: SettingsQuestion) => post(answer(question)));
post('ready');
