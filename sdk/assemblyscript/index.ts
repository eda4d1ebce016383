/**
 * What a plugin imports: the facts of the stage, the message, its parts, state, settings, log, and the decision.
 *
 * A plugin exports `ocp_smtp_abi_1` from here and an `on_<stage>` function for every stage at which it wants to be
 * asked; each ends in `return decide(…)`. The contract beneath is `sdk/ABI.md`. What the host refuses ends the call
 * as a failure of the service that names the reason; it never becomes a decision by accident.
 */
export { ocp_smtp_abi_1 } from './marker';
export { abort } from './abort';
export { decide, Decision, RecipientDecision } from './decision';
export { Facts, facts, OutcomeFacts, PartFacts, RecipientFacts } from './facts';
export { Message } from './message';
export { escapeHtml } from './text/html';
export { covers, insertInBody, markSubject, warnInBody } from './marking';
export { Actions, ActionTexts, Finding } from './actions';
export { isHidden, oneLine } from './one-line';
export { Part } from './part';
export { uuencodedNames } from './uuencode';
export { State } from './state';
export { Auth, AuthResult, AuthResults } from './auth';
export { Blob, BlobLink, BlobRules } from './blob';
export { Clock } from './clock';
export { Directory, DirectoryAnswer } from './directory';
export { Dns, DnsAnswer } from './dns';
export { Http, HttpResponse } from './http';
export { Kv, KvEntry, KvOutcome } from './kv';
export { Notify } from './notify';
export { Scan, ScanVerdict } from './scan';
export { SecureGateway } from './secure-gateway';
export { Secure, SecureAnswer, SecureLayer } from './secure';
export { SignedFields, Signing } from './signing';
export { configured, settings } from './settings';
export { Check, checkComparable } from './check';
export { Json, JsonKind, parseJson } from './json';
export { JsonList, JsonObject, quote } from './json-writer';
export { domainOf, foldCase, localPartOf } from './address';
export { anyAddressMatches, globMatches } from './match';
export { inNetworks } from './network';
export { decodeUtf8, encodeUtf8 } from './utf8';
export { log } from './log';
