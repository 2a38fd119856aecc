// A plain WebSocket tries what `graphql-transport-ws` says, and client libraries as they are hear of changes. The arguments are the
// address of the server's API, the token of an owner, and the ids of a project and of a task in it. Prints one JSON object: for each
// check null, or what was wrong.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as UrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { OperationTypeNode } from 'graphql';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import oldTransport from 'subscriptions-transport-ws';
import WebSocket from 'ws';

const [url, token, projectId, taskId] = process.argv.slice(2);
const socketUrl = url.replace(/^http/, 'ws');
const authorization = `Bearer ${token}`;
const PROTOCOL = 'graphql-transport-ws';
// Apollo's link expects it, as it is in browsers and from Node 22 on.
globalThis.WebSocket ??= WebSocket;

/** How long a check may take, in milliseconds. */
const LIMIT = 15_000;
/** How long nothing has to come until we believe that nothing will. */
const SILENCE = 300;
/** How long closing may take after a check. */
const GOODBYE = 1_000;

// What a check leaves behind.

/** What closes whatever the check has opened. */
const closers = [];
/** What was said and heard, as far as it is known, to be shown if it fails. */
const transcript = [];

/** Closes everything. It is not waited for long: a client may wait for a connection that never comes. */
async function closeAll() {
  const closed = closers.splice(0).map(async (close) => close());
  await Promise.race([Promise.allSettled(closed), sleep(GOODBYE)]);
}

/** Values are taken in the order in which they came. */
class Queue {
  #values = [];
  #takers = [];

  put(value) {
    const taker = this.#takers.shift();
    if (taker) taker(value);
    else this.#values.push(value);
  }

  async take() {
    if (this.#values.length > 0) return this.#values.shift();
    return new Promise((taker) => this.#takers.push(taker));
  }

  async staysEmpty() {
    await sleep(SILENCE);
    assert.deepEqual(this.#values, []);
  }
}

// The data that is changed and heard of.

async function post(query, variables) {
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** Runs a mutation, and gives what is selected of its result. */
async function mutate(name, input, selection) {
  const type = `${name[0].toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { result: ${name}(input: $input) { ${selection} userErrors { code message } } }`;
  const { userErrors, ...result } = (await post(query, { input })).result;
  assert.deepEqual(userErrors, []);
  return result;
}

const newName = () => `Named ${randomUUID()}`;

/** Gives the task another title, which it returns. */
async function retitle() {
  const title = newName();
  await mutate('updateTask', { id: taskId, title }, 'task { id }');
  return title;
}

/** Gives the project another description. */
const redescribe = () => mutate('updateProject', { id: projectId, description: newName() }, 'project { id }');

/** A project without anything in it, for the same client as the other. */
async function newProject() {
  const { project } = await post('query ($id: ID!) { project(id: $id) { client { id } } }', { id: projectId });
  const made = await mutate('createProject', { name: newName(), clientId: project.client?.id }, 'project { id }');
  return made.project.id;
}

const cursorNow = async () => (await post('{ changesCursor }')).changesCursor;

const VIEWER = { query: '{ viewer { role } }' };
/** It takes several trips to the database. */
const SLOW_QUERY = {
  query: `{ clients(first: 9) { nodes { projects(first: 9) { nodes { tasks(first: 9) { nodes {
    comments(first: 9) { nodes { id } } } } } } } } }`,
};
const RETITLE = `mutation Retitle($id: ID!, $title: String!) {
  updateTask(input: { id: $id, title: $title }) { task { title } userErrors { code } } }`;
const CHANGES = `subscription Changes($after: String, $kinds: [EntityType!]) {
  changes(after: $after, kinds: $kinds) { cursor activity { id entityType entityName } } }`;
const TASKS = `subscription Tasks($projectId: ID!, $after: String) {
  taskChanged(projectId: $projectId, after: $after) { cursor taskId task { id title } } }`;

/** A subscription to the changes from now on, even before the server has begun with it. */
const changesFromNow = async (kinds) => ({ query: CHANGES, variables: { kinds, after: await cursorNow() } });

const nameOf = (data) => data.changes.activity.entityName;
const codesOf = (errors) => errors.map(({ extensions }) => extensions?.code);

// A WebSocket that knows nothing of GraphQL.

class Plain {
  #events = new Queue();

  constructor(protocols, options) {
    this.socket = new WebSocket(socketUrl, protocols, options);
    this.socket.addEventListener('message', ({ data }) => {
      transcript.push(`<- ${data}`);
      this.#events.put({ message: JSON.parse(data) });
    });
    // A close follows.
    this.socket.addEventListener('error', ({ message }) => transcript.push(`<- failed: ${message}`));
    this.socket.addEventListener('close', ({ code, reason, wasClean }) => {
      transcript.push(`<- closed: ${code} ${reason}`);
      this.#events.put({ closed: { code, reason, wasClean } });
    });
    closers.push(() => this.socket.terminate());
  }

  /** One that is open, and nothing more. */
  static async open(protocols = [PROTOCOL], options = {}) {
    const plain = new Plain(protocols, options);
    await once(plain.socket, 'open');
    return plain;
  }

  /** One that has been acknowledged. */
  static async ready() {
    const plain = await Plain.open();
    plain.init();
    await plain.hears({ type: 'connection_ack' });
    return plain;
  }

  /** Sends a text, or a message as JSON. */
  say(message) {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    transcript.push(`-> ${text.replaceAll(token, 'TOKEN')}`);
    this.socket.send(text);
  }

  init(payload = { Authorization: authorization }) {
    this.say({ type: 'connection_init', payload });
  }

  subscribe(id, payload) {
    this.say({ id, type: 'subscribe', payload });
  }

  complete(id) {
    this.say({ id, type: 'complete' });
  }

  /** The next message. */
  async hear() {
    const event = await this.#events.take();
    assert.ok(event.message, `closed: ${JSON.stringify(event)}`);
    return event.message;
  }

  async hears(message) {
    assert.deepEqual(await this.hear(), message);
  }

  /** The data of the next message, which is a result of this operation. */
  async next(id) {
    const { payload, ...rest } = await this.hear();
    assert.deepEqual(rest, { id, type: 'next' });
    assert.equal(payload.errors, undefined, JSON.stringify(payload));
    return payload.data;
  }

  /** The errors of the next message, with which this operation fails. */
  async error(id) {
    const { payload, ...rest } = await this.hear();
    assert.deepEqual(rest, { id, type: 'error' });
    assert.ok(Array.isArray(payload) && payload.length > 0, JSON.stringify(payload));
    for (const { message } of payload) assert.equal(typeof message, 'string');
    return payload;
  }

  /** The operation has one result, and ends. */
  async single(id) {
    const data = await this.next(id);
    await this.hears({ id, type: 'complete' });
    return data;
  }

  /** The server closes next; the reason is compared if there is one. */
  async closes(code, reason) {
    const { closed, message } = await this.#events.take();
    assert.ok(closed, `heard instead: ${JSON.stringify(message)}`);
    assert.equal(closed.code, code, closed.reason);
    assert.ok(closed.wasClean);
    if (reason) assert.equal(closed.reason, reason);
  }

  /** Everything until the connection is closed. */
  async rest() {
    const messages = [];
    for (;;) {
      const { message, closed } = await this.#events.take();
      if (closed) return { messages, closed };
      messages.push(message);
    }
  }

  async isSilent() {
    await this.#events.staysEmpty();
  }

  /** The server answers, and has read everything before. */
  async isAlive() {
    const payload = { is: randomUUID() };
    this.say({ type: 'ping', payload });
    await this.hears({ type: 'pong', payload });
  }
}

/** Each of these texts closes a connection that begins like this. */
async function areInvalid(texts, begin) {
  const tryOne = async (text) => {
    const plain = await begin();
    plain.say(text);
    await plain.closes(4400);
  };
  await Promise.all(texts.map(tryOne));
}

const INVALID = [
  '',
  '{',
  'null',
  '1',
  '"ping"',
  '[]',
  '[{"type":"ping"}]',
  '{}',
  '{"type":""}',
  '{"type":null}',
  '{"type":1}',
  '{"type":"unknown"}',
  '{"type":"start","id":"1","payload":{"query":"{ viewer { role } }"}}',
  '{"type":"connection_init","payload":""}',
  '{"type":"connection_init","payload":[]}',
  '{"type":"ping","payload":0}',
  '{"type":"ping","payload":"text"}',
  '{"type":"pong","payload":[1]}',
  '{"type":"subscribe"}',
  '{"type":"subscribe","payload":{"query":"{ viewer { role } }"}}',
  '{"type":"subscribe","id":"","payload":{"query":"{ viewer { role } }"}}',
  '{"type":"subscribe","id":1,"payload":{"query":"{ viewer { role } }"}}',
  '{"type":"subscribe","id":"1"}',
  '{"type":"subscribe","id":"1","payload":""}',
  '{"type":"subscribe","id":"1","payload":[]}',
  '{"type":"subscribe","id":"1","payload":{}}',
  '{"type":"subscribe","id":"1","payload":{"query":0}}',
  '{"type":"subscribe","id":"1","payload":{"query":{}}}',
  '{"type":"subscribe","id":"1","payload":{"query":"","operationName":0}}',
  '{"type":"subscribe","id":"1","payload":{"query":"","operationName":{}}}',
  '{"type":"subscribe","id":"1","payload":{"query":"","variables":""}}',
  '{"type":"subscribe","id":"1","payload":{"query":"","variables":[]}}',
  '{"type":"subscribe","id":"1","payload":{"query":"","extensions":""}}',
  '{"type":"subscribe","id":"1","payload":{"query":"","extensions":0}}',
  '{"type":"complete"}',
  '{"type":"complete","id":""}',
  '{"type":"complete","id":0}',
  // What only a server says.
  '{"type":"connection_ack"}',
  '{"type":"next","id":"1","payload":{"data":{}}}',
  '{"type":"error","id":"1","payload":[{"message":"No"}]}',
];

const plainChecks = {
  'no sub-protocol is closed with 4406': async () => {
    const plain = await Plain.open([]);
    await plain.closes(4406, 'Subprotocol not acceptable');
  },

  'other sub-protocols are closed with 4406': async () => {
    const all = [['graphql-ws'], ['soap'], ['soap', 'mqtt'], [`${PROTOCOL}-2`], ['graphql-TRANSPORT-ws']];
    for (const protocols of all) {
      const plain = await Plain.open(protocols);
      await plain.closes(4406, 'Subprotocol not acceptable');
    }
  },

  'our sub-protocol is chosen among others': async () => {
    for (const protocols of [[PROTOCOL], ['graphql-ws', PROTOCOL], ['first', PROTOCOL, 'last']]) {
      const plain = await Plain.open(protocols);
      assert.equal(plain.socket.protocol, PROTOCOL);
      await plain.isAlive();
    }
  },

  'a client that does not begin in time is closed with 4408': async () => {
    const [early, late] = [await Plain.ready(), await Plain.open()];
    const began = Date.now();
    await late.isAlive();
    await late.closes(4408, 'Connection initialisation timeout');
    const took = Date.now() - began;
    assert.ok(took > 4_000 && took < 10_000, `after ${took} ms`);
    await early.isSilent();
    await early.isAlive();
  },

  'a client that begins is acknowledged': async () => {
    const plain = await Plain.open();
    await plain.isSilent();
    plain.init();
    await plain.hears({ type: 'connection_ack' });
    await plain.isSilent();
  },

  'the token may come with the handshake': async () => {
    for (const init of [{}, { payload: null }, { payload: {} }, { payload: { other: 1 } }]) {
      const plain = await Plain.open([PROTOCOL], { headers: { authorization } });
      plain.say({ type: 'connection_init', ...init });
      await plain.hears({ type: 'connection_ack' });
    }
  },

  'a client without a token is closed with 4403': async () => {
    for (const init of [{}, { payload: null }, { payload: {} }, { payload: { Authorization: null } }, { payload: { token } }]) {
      const plain = await Plain.open();
      plain.say({ type: 'connection_init', ...init });
      await plain.closes(4403);
    }
  },

  'a client with a bad token is closed with 4403': async () => {
    for (const bad of ['', 'Bearer', 'Bearer x', `Basic ${token}`, `${authorization}x`, token]) {
      const plain = await Plain.open();
      plain.init({ Authorization: bad });
      await plain.closes(4403);
    }
  },

  'a client that begins twice is closed with 4429': async () => {
    const plain = await Plain.ready();
    plain.init();
    await plain.closes(4429, 'Too many initialisation requests');
  },

  'a client that begins twice without waiting is closed with 4429': async () => {
    const plain = await Plain.open();
    plain.init();
    plain.init();
    const { messages, closed } = await plain.rest();
    assert.equal(closed.code, 4429, closed.reason);
    // The first may have been acknowledged before the second was read.
    assert.ok(messages.every(({ type }) => type === 'connection_ack') && messages.length < 2, JSON.stringify(messages));
  },

  'invalid messages are closed with 4400': () => areInvalid(INVALID, () => Plain.open()),

  'invalid messages are closed with 4400 after the beginning, too': () => areInvalid(INVALID, () => Plain.ready()),

  'a ping is answered, with the same payload': async () => {
    for (const plain of [await Plain.open(), await Plain.ready()]) {
      plain.say({ type: 'ping' });
      await plain.hears({ type: 'pong' });
      plain.say({ type: 'ping', payload: null });
      await plain.hears({ type: 'pong' });
      for (const payload of [{}, { back: 'again', deep: [1, null, { text: 'Zoë \u2028 "quoted"' }] }]) {
        plain.say({ type: 'ping', payload });
        await plain.hears({ type: 'pong', payload });
      }
    }
  },

  'a pong is not answered': async () => {
    for (const plain of [await Plain.open(), await Plain.ready()]) {
      for (const pong of [{}, { payload: null }, { payload: { any: 1 } }]) plain.say({ type: 'pong', ...pong });
      await plain.isSilent();
      await plain.isAlive();
    }
  },

  'an operation before the beginning is closed with 4401': async () => {
    const plain = await Plain.open();
    plain.subscribe('1', VIEWER);
    await plain.closes(4401, 'Unauthorized');
  },

  'a query has one result and ends': async () => {
    const plain = await Plain.ready();
    for (const rest of [{}, { operationName: null, variables: null, extensions: null }, { variables: {}, extensions: {} }]) {
      plain.subscribe('1', { ...VIEWER, ...rest });
      assert.deepEqual(await plain.single('1'), { viewer: { role: 'OWNER' } });
    }
    await plain.isSilent();
  },

  'the operation is the one that is named': async () => {
    const plain = await Plain.ready();
    const query = 'query A { viewer { role } } query B($id: ID!) { task(id: $id) { id } }';
    plain.subscribe('1', { query, operationName: 'B', variables: { id: taskId } });
    assert.deepEqual(await plain.single('1'), { task: { id: taskId } });
    plain.subscribe('1', { query });
    await plain.error('1');
  },

  'a mutation has one result and ends': async () => {
    const plain = await Plain.ready();
    const title = newName();
    plain.subscribe('1', { query: RETITLE, variables: { id: taskId, title } });
    assert.deepEqual(await plain.single('1'), { updateTask: { task: { title }, userErrors: [] } });
    await plain.isSilent();
    const { task } = await post('query ($id: ID!) { task(id: $id) { title } }', { id: taskId });
    assert.equal(task.title, title);
  },

  'a document that is not valid fails, and nothing else': async () => {
    const plain = await Plain.ready();
    plain.subscribe('other', await changesFromNow());
    for (const query of ['{ nothing nowhere }', 'subscription { nothing }', 'mutation { nothing }']) {
      plain.subscribe('1', { query });
      const errors = await plain.error('1');
      assert.ok(codesOf(errors).every((code) => code === 'BAD_USER_INPUT'), JSON.stringify(errors));
    }
    await plain.isSilent();
    const title = await retitle();
    assert.equal(nameOf(await plain.next('other')), title);
  },

  'a document that cannot be parsed fails, and nothing else': async () => {
    const plain = await Plain.ready();
    for (const query of ['', '{', 'subscription {', 'nothing { viewer }']) {
      plain.subscribe('1', { query });
      const errors = await plain.error('1');
      assert.ok(codesOf(errors).every((code) => code === 'BAD_USER_INPUT'), JSON.stringify(errors));
    }
    await plain.isSilent();
    await plain.isAlive();
  },

  'variables that do not fit fail, and nothing else': async () => {
    const plain = await Plain.ready();
    plain.subscribe('1', { query: TASKS, variables: {} });
    assert.deepEqual(codesOf(await plain.error('1')), ['BAD_USER_INPUT']);
    plain.subscribe('1', { query: CHANGES, variables: { after: 'nonsense' } });
    assert.deepEqual(codesOf(await plain.error('1')), ['BAD_USER_INPUT']);
    await plain.isSilent();
    await plain.isAlive();
  },

  'a subscription hears of changes': async () => {
    const plain = await Plain.ready();
    plain.subscribe('1', await changesFromNow());
    for (let n = 0; n < 5; n += 1) {
      const title = await retitle();
      const { changes } = await plain.next('1');
      assert.equal(typeof changes.cursor, 'string');
      assert.equal(changes.activity.entityType, 'TASK');
      assert.equal(changes.activity.entityName, title);
    }
    await plain.isSilent();
  },

  'a subscription without a cursor hears of what follows': async () => {
    const plain = await Plain.ready();
    plain.subscribe('1', { query: CHANGES });
    const heard = plain.next('1');
    const made = [];
    // There is no sign of when it has begun.
    while ((await Promise.race([heard, sleep(SILENCE)])) === undefined) made.push(await retitle());
    assert.ok(made.includes(nameOf(await heard)));
  },

  'a subscription to the tasks of a project hears of them': async () => {
    const plain = await Plain.ready();
    plain.subscribe('1', { query: TASKS, variables: { projectId, after: await cursorNow() } });
    const title = await retitle();
    const { taskChanged } = await plain.next('1');
    assert.equal(taskChanged.taskId, taskId);
    assert.deepEqual(taskChanged.task, { id: taskId, title });
    assert.equal(typeof taskChanged.cursor, 'string');
  },

  'each subscription of a connection gets its own': async () => {
    const plain = await Plain.ready();
    const after = await cursorNow();
    plain.subscribe('projects', { query: CHANGES, variables: { after, kinds: ['PROJECT'] } });
    plain.subscribe('tasks', { query: TASKS, variables: { after, projectId } });
    const title = await retitle();
    assert.equal((await plain.next('tasks')).taskChanged.task.title, title);
    await redescribe();
    assert.equal((await plain.next('projects')).changes.activity.entityType, 'PROJECT');
    await plain.isSilent();
  },

  'the same subscription twice hears everything twice': async () => {
    const plain = await Plain.ready();
    const changes = await changesFromNow();
    plain.subscribe('one', changes);
    plain.subscribe('two', changes);
    const title = await retitle();
    const heard = [await plain.hear(), await plain.hear()];
    assert.deepEqual(heard.map(({ id }) => id).sort(), ['one', 'two']);
    assert.ok(heard.every(({ type, payload }) => type === 'next' && nameOf(payload.data) === title), JSON.stringify(heard));
    await plain.isSilent();
  },

  'operations run side by side': async () => {
    const plain = await Plain.ready();
    plain.subscribe('changes', await changesFromNow());
    const title = newName();
    const singles = ['slow', 'viewer', 'write', 'task'];
    plain.subscribe('slow', SLOW_QUERY);
    plain.subscribe('viewer', VIEWER);
    plain.subscribe('write', { query: RETITLE, variables: { id: taskId, title } });
    plain.subscribe('task', { query: '{ tasks(first: 1) { nodes { id } } }' });
    const heard = [];
    for (let n = 0; n < 2 * singles.length + 1; n += 1) heard.push(await plain.hear());
    const typesOf = (wanted) => heard.filter(({ id }) => id === wanted).map(({ type }) => type);
    for (const id of singles) assert.deepEqual(typesOf(id), ['next', 'complete'], id);
    const [change] = heard.filter(({ id }) => id === 'changes');
    assert.equal(nameOf(change.payload.data), title);
    await plain.isSilent();
  },

  'after a complete nothing comes of the subscription': async () => {
    const plain = await Plain.ready();
    const changes = await changesFromNow();
    plain.subscribe('ended', changes);
    plain.subscribe('other', changes);
    await retitle();
    const heard = [await plain.hear(), await plain.hear()];
    assert.deepEqual(heard.map(({ id }) => id).sort(), ['ended', 'other']);
    plain.complete('ended');
    await plain.isAlive();
    for (let n = 0; n < 3; n += 1) {
      const title = await retitle();
      assert.equal(nameOf(await plain.next('other')), title);
    }
    await plain.isSilent();
  },

  'a subscription can be completed at once': async () => {
    const plain = await Plain.ready();
    plain.subscribe('1', await changesFromNow());
    plain.complete('1');
    await retitle();
    await plain.isSilent();
    await plain.isAlive();
  },

  'a query that is completed before its result has none': async () => {
    const plain = await Plain.ready();
    plain.subscribe('1', SLOW_QUERY);
    plain.complete('1');
    await plain.isSilent();
    plain.subscribe('1', VIEWER);
    await plain.single('1');
  },

  'a complete of something unknown is passed over': async () => {
    for (const plain of [await Plain.open(), await Plain.ready()]) {
      plain.complete('unknown');
      await plain.isSilent();
      await plain.isAlive();
    }
    const plain = await Plain.ready();
    plain.subscribe('1', VIEWER);
    await plain.single('1');
    plain.complete('1');
    await plain.isSilent();
    await plain.isAlive();
  },

  'an id of a running subscription is closed with 4409': async () => {
    for (const again of [await changesFromNow(), VIEWER, { query: '{' }]) {
      const plain = await Plain.ready();
      plain.subscribe('taken', await changesFromNow());
      await plain.isAlive();
      plain.subscribe('taken', again);
      await plain.closes(4409, 'Subscriber for taken already exists');
    }
  },

  'an id of an operation that has just been sent is closed with 4409': async () => {
    for (const first of [await changesFromNow(), SLOW_QUERY]) {
      const plain = await Plain.ready();
      plain.subscribe('taken', first);
      plain.subscribe('taken', VIEWER);
      await plain.closes(4409, 'Subscriber for taken already exists');
    }
  },

  'an id is free again when its operation has ended': async () => {
    const plain = await Plain.ready();
    plain.subscribe('1', VIEWER);
    await plain.single('1');
    plain.subscribe('1', { query: '{ nothing }' });
    await plain.error('1');
    const [all, ofProjects] = [await changesFromNow(), await changesFromNow(['PROJECT'])];
    plain.subscribe('1', all);
    plain.complete('1');
    plain.subscribe('1', ofProjects);
    // Only the one before would hear of this.
    await retitle();
    await plain.isSilent();
    await redescribe();
    assert.equal((await plain.next('1')).changes.activity.entityType, 'PROJECT');
  },

  'a subscription that cannot begin does not end the others': async () => {
    const plain = await Plain.ready();
    plain.subscribe('other', await changesFromNow());
    const deleted = await newProject();
    await mutate('deleteProject', { id: deleted }, 'deletedProjectId');
    await plain.next('other');
    await plain.next('other');
    plain.subscribe('failing', { query: TASKS, variables: { projectId: deleted } });
    assert.deepEqual(codesOf(await plain.error('failing')), ['NOT_FOUND']);
    const title = await retitle();
    assert.equal(nameOf(await plain.next('other')), title);
    await plain.isSilent();
  },

  'a subscription that fails later does not end the others': async () => {
    const plain = await Plain.ready();
    const project = await newProject();
    plain.subscribe('failing', { query: TASKS, variables: { projectId: project, after: await cursorNow() } });
    const { task } = await mutate('createTask', { projectId: project, title: newName() }, 'task { id }');
    assert.equal((await plain.next('failing')).taskChanged.taskId, task.id);
    await mutate('deleteProject', { id: project }, 'deletedProjectId');
    assert.deepEqual(codesOf(await plain.error('failing')), ['NOT_FOUND']);
    plain.subscribe('other', await changesFromNow());
    const title = await retitle();
    assert.equal(nameOf(await plain.next('other')), title);
    await plain.isSilent();
  },

  'what happened since a cursor comes first': async () => {
    const changes = await changesFromNow();
    const titles = [await retitle(), await retitle()];
    const plain = await Plain.ready();
    plain.subscribe('1', changes);
    const first = await plain.next('1');
    assert.equal(nameOf(first), titles[0]);
    assert.equal(nameOf(await plain.next('1')), titles[1]);
    titles.push(await retitle());
    assert.equal(nameOf(await plain.next('1')), titles[2]);
    plain.subscribe('2', { query: CHANGES, variables: { after: first.changes.cursor } });
    assert.equal(nameOf(await plain.next('2')), titles[1]);
    assert.equal(nameOf(await plain.next('2')), titles[2]);
    await plain.isSilent();
  },

  'connections do not depend on each other': async () => {
    const changes = await changesFromNow();
    const all = await Promise.all(Array.from({ length: 5 }, () => Plain.ready()));
    for (const plain of all) plain.subscribe('1', changes);
    const hear = async (connections) => {
      const title = await retitle();
      for (const plain of connections) assert.equal(nameOf(await plain.next('1')), title);
    };
    await hear(all);
    const [cut, closed, refused, ...left] = all;
    cut.socket.terminate();
    closed.socket.close(1000, 'Done');
    refused.say('nonsense');
    await refused.closes(4400);
    await hear(left);
  },

  'a client that closes is answered': async () => {
    for (const code of [1000, 4321]) {
      for (const plain of [await Plain.open(), await Plain.ready()]) {
        plain.socket.close(code, 'Done');
        await plain.closes(code);
      }
    }
  },

  'pings of WebSocket itself and messages in parts are understood': async () => {
    const plain = await Plain.ready();
    const ponged = once(plain.socket, 'pong');
    plain.socket.ping('there?');
    assert.equal(String((await ponged)[0]), 'there?');
    const text = JSON.stringify({ id: '1', type: 'subscribe', payload: VIEWER });
    plain.socket.send(text.slice(0, 20), { fin: false });
    plain.socket.ping();
    plain.socket.send(text.slice(20), { fin: true });
    await plain.single('1');
  },
};

// The library graphql-ws.

/** A client that gives up at once, unless it is told otherwise. */
function wsClient(options = {}) {
  const client = createWsClient({
    url: socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: authorization },
    retryAttempts: 0,
    onNonLazyError: (error) => transcript.push(`no connection: ${error.code ?? error.message}`),
    ...options,
  });
  closers.push(() => client.dispose());
  return client;
}

/** Follows an operation with a client: its results and its end come into the queue. The results are also shown as they come. */
function follow(client, operation, show = () => {}) {
  const events = new Queue();
  const stop = client.subscribe(operation, {
    next: (result) => {
      show(result);
      events.put({ result });
    },
    error: (error) => events.put({ error }),
    complete: () => events.put({ complete: true }),
  });
  const next = async () => {
    const event = await events.take();
    assert.ok(event.result && !event.result.errors, JSON.stringify(event));
    return event.result.data;
  };
  return { events, next, stop };
}

/** An iterator's next data. */
async function step(iterator) {
  const { done, value } = await iterator.next();
  assert.ok(!done, 'it has ended');
  assert.equal(value.errors, undefined, JSON.stringify(value));
  return value.data;
}

/** Subscribes to the changes from now on; whenever the client subscribes anew, from the last one that came. */
async function resuming(client) {
  let last = await cursorNow();
  // The client writes the message anew each time, and so takes the cursor of that time.
  const variables = {
    get after() {
      return last;
    },
  };
  const keep = ({ data }) => {
    last = data.changes.cursor;
  };
  const { next, stop } = follow(client, { query: CHANGES, variables }, keep);
  return { name: async () => nameOf(await next()), stop };
}

/** A promise that is kept from outside. */
function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}

const graphqlWsChecks = {
  'iterates over what changes': async () => {
    const changes = wsClient().iterate(await changesFromNow());
    for (let n = 0; n < 3; n += 1) {
      const title = await retitle();
      assert.equal(nameOf(await step(changes)), title);
    }
    await changes.return();
    assert.deepEqual(await changes.next(), { done: true, value: undefined });
  },

  'is told of what changes, and unsubscribes': async () => {
    const messages = new Queue();
    const client = wsClient({ lazy: false, on: { message: ({ type }) => messages.put(type) } });
    const { next, events, stop } = follow(client, await changesFromNow());
    assert.equal(await messages.take(), 'connection_ack');
    const title = await retitle();
    assert.equal(nameOf(await next()), title);
    assert.equal(await messages.take(), 'next');
    stop();
    assert.deepEqual(await events.take(), { complete: true });
    assert.deepEqual(await step(client.iterate(VIEWER)), { viewer: { role: 'OWNER' } });
    assert.equal(await messages.take(), 'next');
    assert.equal(await messages.take(), 'complete');
    await retitle();
    await messages.staysEmpty();
  },

  'runs queries and mutations': async () => {
    const client = wsClient();
    const query = follow(client, VIEWER);
    assert.deepEqual(await query.next(), { viewer: { role: 'OWNER' } });
    assert.deepEqual(await query.events.take(), { complete: true });
    const title = newName();
    const mutation = follow(client, { query: RETITLE, variables: { id: taskId, title } });
    assert.equal((await mutation.next()).updateTask.task.title, title);
    assert.deepEqual(await mutation.events.take(), { complete: true });
  },

  'gives the errors of an operation': async () => {
    const client = wsClient();
    const other = follow(client, await changesFromNow());
    for (const query of ['subscription { nothing }', '{ nothing }', '{']) {
      const { error } = await follow(client, { query }).events.take();
      assert.ok(codesOf(error).every((code) => code === 'BAD_USER_INPUT'), JSON.stringify(error));
    }
    const title = await retitle();
    assert.equal(nameOf(await other.next()), title);
  },

  'keeps operations apart on one connection': async () => {
    const sockets = [];
    const client = wsClient({ on: { opened: (socket) => sockets.push(socket) } });
    const after = await cursorNow();
    const projects = follow(client, { query: CHANGES, variables: { after, kinds: ['PROJECT'] } });
    const tasks = follow(client, { query: TASKS, variables: { after, projectId } });
    const title = await retitle();
    assert.equal((await tasks.next()).taskChanged.task.title, title);
    await redescribe();
    assert.equal((await projects.next()).changes.activity.entityType, 'PROJECT');
    await tasks.events.staysEmpty();
    assert.equal(sockets.length, 1);
  },

  'connects when it is needed, and closes afterwards': async () => {
    const events = new Queue();
    const client = wsClient({
      on: { opened: () => events.put('opened'), closed: ({ code, wasClean }) => events.put({ code, wasClean }) },
    });
    for (let n = 0; n < 2; n += 1) {
      await events.staysEmpty();
      const changes = follow(client, await changesFromNow());
      assert.equal(await events.take(), 'opened');
      const title = await retitle();
      assert.equal(nameOf(await changes.next()), title);
      changes.stop();
      assert.deepEqual(await events.take(), { code: 1000, wasClean: true });
    }
  },

  'connects at once if it is told to': async () => {
    const events = new Queue();
    const on = { connected: () => events.put('connected'), closed: ({ code }) => events.put(code) };
    const client = wsClient({ lazy: false, on });
    assert.equal(await events.take(), 'connected');
    await client.dispose();
    assert.equal(await events.take(), 1000);
  },

  'connects again when it was cut off, and misses nothing': async () => {
    const sockets = new Queue();
    const { open, opened } = gate();
    const client = wsClient({ retryAttempts: 3, retryWait: () => opened, on: { opened: (socket) => sockets.put(socket) } });
    const changes = await resuming(client);
    const before = await retitle();
    assert.equal(await changes.name(), before);
    (await sockets.take()).terminate();
    const meanwhile = [await retitle(), await retitle()];
    open();
    await sockets.take();
    const after = await retitle();
    for (const title of [...meanwhile, after]) assert.equal(await changes.name(), title);
    changes.stop();
  },

  'connects again as often as it was cut off': async () => {
    const sockets = new Queue();
    const client = wsClient({ retryAttempts: 1, retryWait: () => sleep(10), on: { connected: (socket) => sockets.put(socket) } });
    const changes = await resuming(client);
    for (let n = 0; n < 5; n += 1) {
      const title = await retitle();
      assert.equal(await changes.name(), title);
      (await sockets.take()).terminate();
    }
    const title = await retitle();
    assert.equal(await changes.name(), title);
    changes.stop();
  },

  'reports 4403 for a bad token': async () => {
    for (const connectionParams of [{ Authorization: `${authorization}x` }, {}, undefined]) {
      const { error } = await follow(wsClient({ connectionParams }), VIEWER).events.take();
      assert.equal(error?.code, 4403, String(error));
    }
  },

  'connects with a better token after a bad one': async () => {
    const tokens = [`${authorization}x`, authorization];
    const client = wsClient({
      connectionParams: async () => ({ Authorization: tokens.shift() }),
      retryAttempts: 1,
      retryWait: () => sleep(10),
    });
    assert.deepEqual(await follow(client, VIEWER).next(), { viewer: { role: 'OWNER' } });
  },

  'gets answers to its pings': async () => {
    const pongs = new Queue();
    const closed = [];
    const on = { pong: (received) => pongs.put(received), closed: (event) => closed.push(event) };
    wsClient({ lazy: false, keepAlive: 50, on });
    for (let n = 0; n < 5; n += 1) assert.equal(await pongs.take(), true);
    assert.deepEqual(closed, []);
  },

  'gives up one client, and not the others': async () => {
    const changes = await changesFromNow();
    const [one, other] = [wsClient(), wsClient()];
    const [given, kept] = [follow(one, changes), follow(other, changes)];
    const first = await retitle();
    assert.equal(nameOf(await given.next()), first);
    assert.equal(nameOf(await kept.next()), first);
    one.terminate();
    const second = await retitle();
    assert.equal(nameOf(await kept.next()), second);
  },
};

// Apollo Client.

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

const apolloChecks = {
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

const urqlChecks = {
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

const oldTransportChecks = {
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

const graphqlSseChecks = {
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

// All of it.

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
