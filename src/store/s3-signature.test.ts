import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { amzDate, authorization, encodePath, presignedQuery } from './s3-signature.ts';

/** What AWS has published: the test suite of Signature Version 4, and the examples of S3's own documentation. */
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the test suite', () => {
  const key = {
    accessKeyId: 'AKIDEXAMPLE',
    secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    region: 'us-east-1',
    service: 'service',
  };
  const now = Date.UTC(2015, 7, 30, 12, 36);
  const headers = { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' };
  const vanilla = { method: 'GET', path: '/', query: {}, headers, payload: sha256(''), now };

  it.each([
    ['get-vanilla', vanilla, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'get-vanilla-query-order-key-case',
      { ...vanilla, query: { Param2: 'value2', Param1: 'value1' } },
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'post-vanilla',
      { ...vanilla, method: 'POST' },
      '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    ],
  ])('%s', (_name, request, signature) => {
    expect(authorization(request, key)).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        `SignedHeaders=host;x-amz-date, Signature=${signature}`,
    );
  });
});

describe("S3's examples", () => {
  const key = {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    region: 'us-east-1',
    service: 's3',
  };
  const now = Date.UTC(2013, 4, 24);
  const host = 'examplebucket.s3.amazonaws.com';

  it('GET of a range', () => {
    const headers = {
      host,
      range: 'bytes=0-9',
      'x-amz-content-sha256': sha256(''),
      'x-amz-date': amzDate(now),
    };
    expect(
      authorization({ method: 'GET', path: '/test.txt', query: {}, headers, payload: sha256(''), now }, key),
    ).toMatch(/Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/);
  });

  it('PUT of an object', () => {
    const payload = sha256('Welcome to Amazon S3.');
    const headers = {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      host,
      'x-amz-content-sha256': payload,
      'x-amz-date': amzDate(now),
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    };
    const path = encodePath('/test$file.text');
    expect(authorization({ method: 'PUT', path, query: {}, headers, payload, now }, key)).toMatch(
      /Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd$/,
    );
  });

  it('a URL for a day', () => {
    const request = {
      method: 'GET',
      path: '/test.txt',
      query: {},
      headers: { host },
      payload: 'UNSIGNED-PAYLOAD',
      now,
    };
    expect(presignedQuery(request, { key, seconds: 86_400 })).toBe(
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
        '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host' +
        '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });
});
