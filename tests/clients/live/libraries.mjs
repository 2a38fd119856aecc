// Apollo Client, urql, subscriptions-transport-ws and graphql-sse.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as UrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { OperationTypeNode } from 'graphql';
import { createClient as createSseClient } from 'graphql-sse';
import oldTransport from 'subscriptions-transport-ws';
import WebSocket from 'ws';

import {
  url,
  projectId,
  taskId,
  socketUrl,
  authorization,
  closers,
  Queue,
  newName,
  retitle,
  redescribe,
  cursorNow,
  VIEWER,
  RETITLE,
  CHANGES,
  TASKS,
  changesFromNow,
  nameOf,
  codesOf,
} from './support.mjs';
import { wsClient, follow, step, resuming, gate } from './graphql-ws.mjs';

/** A client that subscribes over a WebSocket, and does the rest over HTTP; and the names of what went over HTTP. */
function apolloClient() {
  const overHttp = [];
  const noting = (input, init) => {
    overHttp.push(JSON.parse(init.body).operationName);
    return fetch(input, init);
  };
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(wsClient()),
    new HttpLink({ uri: url, headers: { authorization }, fetch: noting }),
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  closers.push(() => client.stop());
  return { client, overHttp };
}

/** Follows a subscription of Apollo's client. */
function followApollo(client, query, variables) {
  const events = new Queue();
  const subscription = client.subscribe({ query: gql(query), variables }).subscribe({
    next: (result) => events.put(result),
    error: (error) => events.put({ error }),
    complete: () => events.put({ complete: true }),
  });
  closers.push(() => subscription.unsubscribe());
  return { events, stop: () => subscription.unsubscribe() };
}

export const apolloChecks = {
  'subscribes over the WebSocket, and queries over HTTP': async () => {
    const { client, overHttp } = apolloClient();
    const { query, variables } = await changesFromNow();
    const { events, stop } = followApollo(client, query, variables);
    const title = newName();
    await client.mutate({ mutation: gql(RETITLE), variables: { id: taskId, title } });
    const { data, error } = await events.take();
    assert.equal(error, undefined, String(error));
    assert.equal(nameOf(data), title);
    const read = await client.query({ query: gql`query Viewer { viewer { role } }` });
    assert.equal(read.data.viewer.role, 'OWNER');
    assert.deepEqual(overHttp, ['Retitle', 'Viewer']);
    stop();
    await retitle();
    await events.staysEmpty();
  },

  'brings the cache up to date': async () => {
    const { client } = apolloClient();
    const variables = { id: taskId };
    const query = gql`query Task($id: ID!) { task(id: $id) { id title } }`;
    await client.query({ query, variables });
    const { events } = followApollo(client, TASKS, { projectId, after: await cursorNow() });
    const title = await retitle();
    await events.take();
    assert.equal(client.readQuery({ query, variables }).task.title, title);
  },

  'is told what is wrong with a subscription': async () => {
    const { client } = apolloClient();
    const { events } = followApollo(client, 'subscription Wrong { changes(after: "nonsense") { cursor } }');
    const { error } = await events.take();
    assert.ok(CombinedGraphQLErrors.is(error), String(error));
    assert.deepEqual(codesOf(error.errors), ['BAD_USER_INPUT']);
  },
};

// urql.

/** Follows a subscription of urql's client. */
function followUrql(exchanges, options, { query, variables }) {
  const client = new UrqlClient({
    url,
    preferGetMethod: false,
    fetchOptions: { headers: { authorization } },
    exchanges,
    ...options,
  });
  const results = new Queue();
  const { unsubscribe } = client.subscription(query, variables).subscribe((result) => results.put(result));
  closers.push(unsubscribe);
  const next = async () => {
    const { data, error } = await results.take();
    assert.equal(error, undefined, String(error));
    return data;
  };
  return { client, results, next, unsubscribe };
}

/** Subscriptions go over graphql-ws, as urql's manual says. */
function overWebSocket() {
  const client = wsClient();
  const forwardSubscription = (request) => ({
    subscribe: (sink) => ({ unsubscribe: client.subscribe({ ...request, query: request.query ?? '' }, sink) }),
  });
  return [fetchExchange, subscriptionExchange({ forwardSubscription })];
}

async function urqlHears(exchanges, options) {
  const { client, results, next, unsubscribe } = followUrql(exchanges, options, await changesFromNow());
  for (let n = 0; n < 2; n += 1) {
    const title = await retitle();
    assert.equal(nameOf(await next()), title);
  }
  const { data, error } = await client.query(VIEWER.query, {}).toPromise();
  assert.equal(error, undefined, String(error));
  assert.equal(data.viewer.role, 'OWNER');
  unsubscribe();
  await retitle();
  await results.staysEmpty();
}

export const urqlChecks = {
  'subscribes over the WebSocket, and queries over HTTP': () => urqlHears(overWebSocket(), {}),

  'subscribes by a stream of events': () => urqlHears([fetchExchange], { fetchSubscriptions: true }),

  'is told what is wrong with a subscription': async () => {
    const wrong = { query: 'subscription { changes(after: "nonsense") { cursor } }', variables: {} };
    for (const [exchanges, options] of [[overWebSocket(), {}], [[fetchExchange], { fetchSubscriptions: true }]]) {
      const { error } = await followUrql(exchanges, options, wrong).results.take();
      assert.deepEqual(codesOf(error.graphQLErrors), ['BAD_USER_INPUT'], String(error));
    }
  },
};

// The library subscriptions-transport-ws, which speaks the protocol before this one.

export const oldTransportChecks = {
  'is closed with 4406': async () => {
    const options = { reconnect: false, connectionParams: { Authorization: authorization } };
    const client = new oldTransport.SubscriptionClient(socketUrl, options, WebSocket);
    closers.push(() => client.close());
    const [code, reason] = await once(client.client, 'close');
    assert.equal(code, 4406);
    assert.equal(String(reason), 'Subprotocol not acceptable');
  },
};

// The library graphql-sse.

/** A client with a connection for each operation, which gives up at once, unless it is told otherwise. */
function sseClient(options = {}) {
  const client = createSseClient({ url, headers: { authorization }, singleConnection: false, retryAttempts: 0, ...options });
  closers.push(() => client.dispose());
  return client;
}

export const graphqlSseChecks = {
  'an answer is a stream of events': async () => {
    const headers = { authorization, accept: 'text/event-stream', 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(VIEWER) });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^text\/event-stream\b/);
    const [, data] = /^event: next\ndata: (.*)\n\nevent: complete\ndata:\n\n$/.exec(await answer.text());
    assert.deepEqual(JSON.parse(data).data, { viewer: { role: 'OWNER' } });
  },

  'iterates over what changes': async () => {
    const changes = sseClient().iterate(await changesFromNow());
    for (let n = 0; n < 3; n += 1) {
      const title = await retitle();
      assert.equal(nameOf(await step(changes)), title);
    }
    await changes.return();
  },

  'is told of what changes, and unsubscribes': async () => {
    const { next, events, stop } = follow(sseClient(), await changesFromNow());
    const title = await retitle();
    assert.equal(nameOf(await next()), title);
    stop();
    assert.deepEqual(await events.take(), { complete: true });
    await retitle();
    await events.staysEmpty();
  },

  'keeps operations apart': async () => {
    const client = sseClient();
    const after = await cursorNow();
    const projects = follow(client, { query: CHANGES, variables: { after, kinds: ['PROJECT'] } });
    const tasks = follow(client, { query: TASKS, variables: { after, projectId } });
    const title = await retitle();
    assert.equal((await tasks.next()).taskChanged.task.title, title);
    await redescribe();
    assert.equal((await projects.next()).changes.activity.entityType, 'PROJECT');
    await tasks.events.staysEmpty();
  },

  'runs queries and mutations': async () => {
    const client = sseClient();
    const query = follow(client, VIEWER);
    assert.deepEqual(await query.next(), { viewer: { role: 'OWNER' } });
    assert.deepEqual(await query.events.take(), { complete: true });
    const title = newName();
    const mutation = follow(client, { query: RETITLE, variables: { id: taskId, title } });
    assert.equal((await mutation.next()).updateTask.task.title, title);
    assert.deepEqual(await mutation.events.take(), { complete: true });
  },

  'gives the errors of an operation': async () => {
    const client = sseClient();
    for (const query of ['subscription { nothing }', '{ nothing }', '{']) {
      const { events } = follow(client, { query });
      const { result } = await events.take();
      assert.ok(codesOf(result.errors).every((code) => code === 'BAD_USER_INPUT'), JSON.stringify(result));
      assert.deepEqual(await events.take(), { complete: true });
    }
  },

  'connects again when it was cut off, and misses nothing': async () => {
    const { open, opened } = gate();
    const cut = new AbortController();
    const cuttable = (input, { signal, ...init }) => fetch(input, { ...init, signal: AbortSignal.any([signal, cut.signal]) });
    let calls = 0;
    const fetchFn = (input, init) => ((calls += 1) === 1 ? cuttable : fetch)(input, init);
    const changes = await resuming(sseClient({ fetchFn, retryAttempts: 3, retry: () => opened }));
    const before = await retitle();
    assert.equal(await changes.name(), before);
    cut.abort();
    const meanwhile = [await retitle(), await retitle()];
    open();
    const after = await retitle();
    for (const title of [...meanwhile, after]) assert.equal(await changes.name(), title);
    assert.equal(calls, 2);
    changes.stop();
  },

  'reports 401 for a bad token': async () => {
    for (const headers of [{ authorization: `${authorization}x` }, {}]) {
      const { error } = await follow(sseClient({ headers }), VIEWER).events.take();
      assert.equal(error?.response?.status, 401, String(error));
    }
  },
};
