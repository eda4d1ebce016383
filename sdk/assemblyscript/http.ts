import { Answer, content, isGrantedHere, question } from './answer';
import { Json } from './json';
import { JsonObject } from './json-writer';
import { Message } from './message';
import { http } from './ocp_smtp_v1';
import { nameOf } from './result';
import { decodeUtf8 } from './utf8';

/** What a server answered, or why there is no answer. */
export class HttpResponse {
  /** 0 if there is no answer. */
  status: i32 = 0;
  /** `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE` if there is no answer, else ''. */
  error: string = '';
  body: Uint8Array = new Uint8Array(0);
  fields: Json = new Json();

  /** The value of a header field, its name in lower case; '' if there is none. */
  header(name: string): string {
    return this.fields.get(name).text();
  }

  text(): string {
    return decodeUtf8(this.body);
  }
}

/**
 * Requests to the servers that the operator grants (capability `http`). That there is no answer does not end the call: what a filter
 * does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages applies.
 */
export namespace Http {
  /** Whether the operator grants it; without that `request` answers `DENIED`. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('http');
  }

  export function request(
    method: string,
    url: string,
    headers: JsonObject | null = null,
    body: Uint8Array | null = null,
  ): HttpResponse {
    const fields = new JsonObject().text('method', method).text('url', url);
    if (headers !== null) fields.json('headers', headers.toString());
    return ask(question(fields, body));
  }

  /** A POST of the whole message, as it is: it does not pass through the plugin's memory. Stage `message` only. */
  export function postMessage(url: string, headers: JsonObject): HttpResponse {
    const fields = new JsonObject()
      .text('method', 'POST')
      .text('url', url)
      .json('headers', headers.toString());
    return ask(question(fields.json('content', content(0, Message.size(), ''))));
  }

  function ask(octets: Uint8Array): HttpResponse {
    const size = http(octets.dataStart, octets.length);
    const response = new HttpResponse();
    if (size < 0) {
      response.error = nameOf(size);
      return response;
    }
    const answer = new Answer(size);
    response.status = answer.fields.get('status').integer();
    response.fields = answer.fields.get('headers');
    response.body = answer.octets;
    return response;
  }
}
