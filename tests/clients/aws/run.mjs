// AWS's own client for S3 reads what the server has stored at the endpoint, in the bucket and under the key that the arguments name, and
// sends something itself to a signed address. Prints one JSON object: for each check null, or what was wrong.

import assert from 'node:assert/strict';

import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';

const [endpoint, Bucket, Key, text] = process.argv.slice(2);
const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });

const checks = {
  'the object is there, and has the bytes': async () => {
    const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket, Key }));
    assert.equal(await Body.transformToString(), text);
    assert.equal(ContentLength, Buffer.byteLength(text));
  },
  'it keeps its type': async () => {
    const { ContentType } = await client.send(new HeadObjectCommand({ Bucket, Key }));
    assert.equal(ContentType, 'text/plain');
  },
  'nothing else is there': async () => {
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
    assert.deepEqual(Contents.map((object) => object.Key), [Key]);
  },
};

const results = {};
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    results[`aws: ${name}`] = null;
  } catch (error) {
    results[`aws: ${name}`] = String(error?.stack ?? error);
  }
}
console.log(JSON.stringify(results));
