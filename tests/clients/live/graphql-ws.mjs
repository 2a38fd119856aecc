// The npm package graphql-ws.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';

import {
  projectId,
  taskId,
  socketUrl,
  authorization,
  closers,
  transcript,
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

/** A client that gives up at once, unless it is told otherwise. */
export function wsClient(options = {}) {
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
export function follow(client, operation, show = () => {}) {
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
export async function step(iterator) {
  const { done, value } = await iterator.next();
  assert.ok(!done, 'it has ended');
  assert.equal(value.errors, undefined, JSON.stringify(value));
  return value.data;
}

/** Subscribes to the changes from now on; whenever the client subscribes anew, from the last one that came. */
export async function resuming(client) {
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
export function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}

export const graphqlWsChecks = {
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
