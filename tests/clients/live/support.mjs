// What the checks share: settings, test data, and cleaning up.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

export const [url, token, projectId, taskId] = process.argv.slice(2);
export const socketUrl = url.replace(/^http/, 'ws');
export const authorization = `Bearer ${token}`;
export const PROTOCOL = 'graphql-transport-ws';
// Apollo's link expects it, as it is in browsers and from Node 22 on.
globalThis.WebSocket ??= WebSocket;

/** How long a check may take, in milliseconds. */
export const LIMIT = 15_000;
/** How long to wait before a check assumes that no message will come. */
export const SILENCE = 300;
/** How long closing may take after a check. */
const GOODBYE = 1_000;

// Cleaning up.

/** Functions that close what the check has opened. */
export const closers = [];
/** The messages of the check, which are shown if it fails. */
export const transcript = [];

/** Closes everything, but does not wait long: a client may be waiting for a connection that never opens. */
export async function closeAll() {
  const closed = closers.splice(0).map(async (close) => close());
  await Promise.race([Promise.allSettled(closed), sleep(GOODBYE)]);
}

/** Values are taken in the order in which they came. */
export class Queue {
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

// Test data.

export async function post(query, variables) {
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** Runs a mutation, and gives what is selected of its result. */
export async function mutate(name, input, selection) {
  const type = `${name[0].toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { result: ${name}(input: $input) { ${selection} userErrors { code message } } }`;
  const { userErrors, ...result } = (await post(query, { input })).result;
  assert.deepEqual(userErrors, []);
  return result;
}

export const newName = () => `Named ${randomUUID()}`;

/** Gives the task another title, which it returns. */
export async function retitle() {
  const title = newName();
  await mutate('updateTask', { id: taskId, title }, 'task { id }');
  return title;
}

/** Gives the project another description. */
export const redescribe = () => mutate('updateProject', { id: projectId, description: newName() }, 'project { id }');

/** A project without anything in it, for the same client as the other. */
export async function newProject() {
  const { project } = await post('query ($id: ID!) { project(id: $id) { client { id } } }', { id: projectId });
  const made = await mutate('createProject', { name: newName(), clientId: project.client?.id }, 'project { id }');
  return made.project.id;
}

export const cursorNow = async () => (await post('{ changesCursor }')).changesCursor;

export const VIEWER = { query: '{ viewer { role } }' };
/** It takes several trips to the database. */
export const SLOW_QUERY = {
  query: `{ clients(first: 9) { nodes { projects(first: 9) { nodes { tasks(first: 9) { nodes {
    comments(first: 9) { nodes { id } } } } } } } } }`,
};
export const RETITLE = `mutation Retitle($id: ID!, $title: String!) {
  updateTask(input: { id: $id, title: $title }) { task { title } userErrors { code } } }`;
export const CHANGES = `subscription Changes($after: String, $kinds: [EntityType!]) {
  changes(after: $after, kinds: $kinds) { cursor activity { id entityType entityName } } }`;
export const TASKS = `subscription Tasks($projectId: ID!, $after: String) {
  taskChanged(projectId: $projectId, after: $after) { cursor taskId task { id title } } }`;

/** A subscription to the changes from now on, even before the server has begun with it. */
export const changesFromNow = async (kinds) => ({ query: CHANGES, variables: { kinds, after: await cursorNow() } });

export const nameOf = (data) => data.changes.activity.entityName;
export const codesOf = (errors) => errors.map(({ extensions }) => extensions?.code);
