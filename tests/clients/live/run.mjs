// A plain WebSocket tries what `graphql-transport-ws` says, and client libraries as they are hear of changes. The arguments are the
// address of the server's API, the token of an owner, and the ids of a project and of a task in it. Prints one JSON object: for each
// check null, or what was wrong.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { LIMIT, transcript, closeAll } from './support.mjs';
import { plainChecks } from './protocol.mjs';
import { graphqlWsChecks } from './graphql-ws.mjs';
import { apolloChecks, urqlChecks, oldTransportChecks, graphqlSseChecks } from './libraries.mjs';

const groups = {
  protocol: plainChecks,
  'graphql-ws': graphqlWsChecks,
  apollo: apolloChecks,
  urql: urqlChecks,
  'subscriptions-transport-ws': oldTransportChecks,
  'graphql-sse': graphqlSseChecks,
};

/** Null if the check passes in time, or what is wrong. */
async function resultOf(check) {
  transcript.length = 0;
  const limit = new AbortController();
  const late = sleep(LIMIT, undefined, { signal: limit.signal }).then(() => assert.fail(`not done in ${LIMIT} ms`));
  try {
    await Promise.race([check(), late]);
    return null;
  } catch (error) {
    return [error?.stack ?? String(error), ...transcript].join('\n');
  } finally {
    limit.abort();
    await closeAll();
  }
}

const results = {};
const unseen = [];
for (const event of ['unhandledRejection', 'uncaughtException']) {
  process.on(event, (error) => unseen.push(String(error?.stack ?? error)));
}
for (const [group, checks] of Object.entries(groups)) {
  for (const [name, check] of Object.entries(checks)) results[`${group}: ${name}`] = await resultOf(check);
}
results['no failure goes unseen'] = unseen.length > 0 ? unseen.join('\n') : null;
console.log(JSON.stringify(results));
process.exit(0);
