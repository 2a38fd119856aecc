// A plain WebSocket tries what `graphql-transport-ws` says.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

import {
  token,
  projectId,
  taskId,
  socketUrl,
  authorization,
  PROTOCOL,
  SILENCE,
  closers,
  transcript,
  Queue,
  post,
  mutate,
  newName,
  retitle,
  redescribe,
  newProject,
  cursorNow,
  VIEWER,
  SLOW_QUERY,
  RETITLE,
  CHANGES,
  TASKS,
  changesFromNow,
  nameOf,
  codesOf,
} from './support.mjs';

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

export const plainChecks = {
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
