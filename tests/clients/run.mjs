// Client libraries as they are, against the server at the first argument, with the token in TENANTRY_TOKEN and the schema in
// `schema.graphql`. Prints one JSON object: for each check null, or what was wrong. The test that starts this decides the rest.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import assert from 'node:assert/strict';

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { BatchHttpLink } from '@apollo/client/link/batch-http';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, cacheExchange as documentCache, fetchExchange, gql as urqlGql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { persistedExchange } from '@urql/exchange-persisted';
import { buildClientSchema, getIntrospectionQuery, introspectionFromSchema, buildSchema, printSchema, lexicographicSortSchema } from 'graphql';

const [url] = process.argv.slice(2);
const authorization = `Bearer ${process.env.TENANTRY_TOKEN}`;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** A fetch that notes what was sent. */
function noting() {
  const sent = [];
  const fetchFn = async (input, init = {}) => {
    const body = init.body ? JSON.parse(init.body) : null;
    sent.push({ method: init.method ?? 'GET', body, url: String(input) });
    return fetch(input, init);
  };
  return { sent, fetch: fetchFn };
}

const post = async (query, variables) => {
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return answer.json();
};

const checks = {
  'apollo: persisted queries': async () => {
    for (const useGETForHashedQueries of [false, true]) {
      const { sent, fetch } = noting();
      const link = ApolloLink.from([
        new PersistedQueryLink({ sha256, useGETForHashedQueries }),
        new HttpLink({ uri: url, headers: { authorization }, fetch }),
      ]);
      const client = new ApolloClient({ link, cache: new InMemoryCache() });
      const name = useGETForHashedQueries ? 'ByGet' : 'ByPost';
      const query = gql`query ${name} { viewer { role } organization { id name } }`;
      for (let n = 0; n < 2; n += 1) {
        const { data } = await client.query({ query, fetchPolicy: 'network-only' });
        assert.equal(data.viewer.role, 'OWNER');
      }
      // Hash alone, hash and text, hash alone.
      assert.equal(sent.length, 3, JSON.stringify(sent));
      assert.equal(sent[0].method, useGETForHashedQueries ? 'GET' : 'POST');
      assert.equal(sent.filter(({ body }) => body?.query).length, 1);
    }
  },

  'apollo: batches': async () => {
    const { sent, fetch } = noting();
    const link = new BatchHttpLink({ uri: url, headers: { authorization }, fetch, batchMax: 10, batchInterval: 5 });
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const answers = await Promise.all([
      client.query({ query: gql`{ viewer { role } }` }),
      client.mutate({ mutation: gql`mutation { createClient(input: { name: "Batched" }) { client { id } } }` }),
      client.query({ query: gql`{ organization { name } }` }),
    ]);
    assert.equal(sent.length, 1);
    assert.equal(sent[0].body.length, 3);
    assert.equal(answers[0].data.viewer.role, 'OWNER');
    assert.ok(answers[1].data.createClient.client.id);
    assert.equal(answers[2].data.organization.name, 'The acme');
  },

  'apollo: the cache tells types apart': async () => {
    const cache = new InMemoryCache();
    const client = new ApolloClient({ link: new HttpLink({ uri: url, headers: { authorization } }), cache });
    const query = gql`{ organization { id name updatedAt } organizations { organizationId name role isCurrent } }`;
    const { data } = await client.query({ query });
    assert.equal(data.organizations.length, 2);
    const again = client.readQuery({ query });
    assert.deepEqual(again, data);
    assert.equal(again.organization.name, 'The acme');
    assert.ok(again.organization.updatedAt);
  },

  'what is read can be written back': async () => {
    const client = new ApolloClient({
      link: new HttpLink({ uri: url, headers: { authorization } }),
      cache: new InMemoryCache(),
    });
    const read = gql`{ tasks(first: 1, filter: { assigneeId: null }) { nodes { id updatedAt } } viewer { member { id } } }`;
    const { data } = await client.query({ query: read });
    const [task] = data.tasks.nodes;
    const write = gql`mutation ($input: UpdateTaskInput!) {
      updateTask(input: $input) { task { id updatedAt assignees { id } } userErrors { code field message } } }`;
    // As JavaScript keeps times, and with the ids of the people that a task shows.
    const expectedUpdatedAt = new Date(task.updatedAt).toISOString();
    let input = { id: task.id, expectedUpdatedAt, assigneeIds: [data.viewer.member.id] };
    const first = (await client.mutate({ mutation: write, variables: { input } })).data.updateTask;
    assert.deepEqual(first.userErrors, []);
    input = {
      id: task.id,
      expectedUpdatedAt: new Date(first.task.updatedAt),
      assigneeIds: first.task.assignees.map(({ id }) => id),
    };
    const second = (await client.mutate({ mutation: write, variables: { input } })).data.updateTask;
    assert.deepEqual(second.userErrors, []);
    assert.deepEqual(second.task.assignees, first.task.assignees);
  },

  'apollo: a revoked grant leaves the cache': async () => {
    const cache = new InMemoryCache();
    const client = new ApolloClient({ link: new HttpLink({ uri: url, headers: { authorization } }), cache });
    const ids = (await post('{ projects(first: 1) { nodes { id } } members(first: 9) { nodes { id role } } }')).data;
    const projectId = ids.projects.nodes[0].id;
    const userId = ids.members.nodes.find(({ role }) => role === 'MEMBER').id;
    const grant = gql`mutation ($input: GrantProjectAccessInput!) { grantProjectAccess(input: $input) { grant { id } } }`;
    await client.mutate({ mutation: grant, variables: { input: { projectId, userId, permission: 'VIEW' } } });
    const revoke = gql`mutation ($input: RevokeProjectAccessInput!) {
      revokeProjectAccess(input: $input) { revokedGrantId userErrors { code } } }`;
    const { data } = await client.mutate({ mutation: revoke, variables: { input: { projectId, userId } } });
    const id = cache.identify({ __typename: 'ProjectGrant', id: data.revokeProjectAccess.revokedGrantId });
    assert.ok(cache.extract()[id], 'the cache knows it');
    assert.ok(cache.evict({ id }));
  },

  'urql: persisted queries': async () => {
    const { sent, fetch } = noting();
    const client = new Client({
      url,
      fetch,
      fetchOptions: { headers: { authorization } },
      exchanges: [documentCache, persistedExchange({ generateHash: async (query) => sha256(query) }), fetchExchange],
    });
    const query = urqlGql`query Urql { viewer { role } }`;
    for (let n = 0; n < 2; n += 1) {
      const { data, error } = await client.query(query, {}, { requestPolicy: 'network-only' }).toPromise();
      assert.equal(error, undefined, String(error));
      assert.equal(data.viewer.role, 'OWNER');
    }
    // Hash alone, hash and text, hash alone.
    const hasText = ({ url }) => new URL(url).searchParams.has('query');
    assert.deepEqual(sent.map(hasText), [false, true, false], JSON.stringify(sent));
  },

  'urql: graphcache': async () => {
    const { data: introspection } = await post(getIntrospectionQuery({ oneOf: false }));
    const warnings = [];
    const client = new Client({
      url,
      fetchOptions: { headers: { authorization } },
      preferGetMethod: false,
      exchanges: [
        cacheExchange({
          schema: introspection,
          keys: { OrganizationSummary: (data) => data.organizationId, Money: () => null },
          logger: (_severity, message) => warnings.push(message),
        }),
        fetchExchange,
      ],
    });
    const list = urqlGql`{ clients(first: 1) { nodes { id name } } organization { id name } organizations { organizationId name } }`;
    const before = await client.query(list, {}).toPromise();
    assert.equal(before.error, undefined, String(before.error));
    const { id } = before.data.clients.nodes[0];
    const change = urqlGql`mutation ($input: UpdateClientInput!) { updateClient(input: $input) { client { id name } } }`;
    await client.mutation(change, { input: { id, name: 'Changed by urql' } }).toPromise();
    const after = await client.query(list, {}, { requestPolicy: 'cache-only' }).toPromise();
    assert.equal(after.data.clients.nodes[0].name, 'Changed by urql');
    assert.equal(after.data.organization.name, 'The acme');
    assert.deepEqual(warnings, []);
  },

  'relay: compiler and store': async () => {
    mkdirSync('src', { recursive: true });
    const source = `import { graphql } from 'relay-runtime';
      export const query = graphql\`query AppQuery { organization { id name } organizations { organizationId name }
        clients(first: 2) { edges { cursor node { id name projects(first: 2) { edges { node { id name client { id name } } } } } } } }\`;
      export const change = graphql\`mutation AppMutation($input: UpdateClientInput!) {
        updateClient(input: $input) { client { id name } userErrors { code } } }\`;`;
    writeFileSync('src/App.js', source);
    writeFileSync(
      'relay.config.json',
      JSON.stringify({ src: './src', schema: './schema.graphql', language: 'javascript', eagerEsModules: true }),
    );
    const compiled = spawnSync('node', ['node_modules/relay-compiler/cli.js'], { encoding: 'utf8' });
    assert.equal(compiled.status, 0, compiled.stdout + compiled.stderr);
    const { default: query } = await import(`${process.cwd()}/src/__generated__/AppQuery.graphql.js`);
    const { default: change } = await import(`${process.cwd()}/src/__generated__/AppMutation.graphql.js`);
    const relay = (await import('relay-runtime')).default;
    const environment = new relay.Environment({
      network: relay.Network.create((request, variables) => post(request.text, variables)),
      store: new relay.Store(new relay.RecordSource()),
    });
    const data = await relay.fetchQuery(environment, query, {}).toPromise();
    assert.equal(data.organization.name, 'The acme');
    assert.deepEqual(data.organizations.map(({ name }) => name).sort(), ['The acme', 'The other']);
    const { id } = data.clients.edges[0].node;
    await new Promise((resolve, reject) => {
      const variables = { input: { id, name: 'Changed by Relay' } };
      relay.commitMutation(environment, { mutation: change, variables, onCompleted: resolve, onError: reject });
    });
    const operation = relay.createOperationDescriptor(query, {});
    const { data: stored } = environment.lookup(operation.fragment);
    assert.equal(stored.clients.edges[0].node.name, 'Changed by Relay');
    assert.equal(stored.organization.name, 'The acme');
  },

  'introspection is the schema': async () => {
    const committed = buildSchema(readFileSync('schema.graphql', 'utf8'));
    const printed = (schema) => printSchema(lexicographicSortSchema(schema));
    for (const options of [
      {},
      { specifiedByUrl: true, schemaDescription: true, directiveIsRepeatable: true, inputValueDeprecation: true },
    ]) {
      const { data, errors } = await post(getIntrospectionQuery(options));
      assert.equal(errors, undefined, JSON.stringify(errors));
      const expected = buildClientSchema(introspectionFromSchema(committed, { specifiedByUrl: false, ...options }));
      assert.equal(printed(buildClientSchema(data)), printed(expected));
    }
  },
};

const results = {};
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    results[name] = null;
  } catch (error) {
    results[name] = String(error?.stack ?? error);
  }
}
console.log(JSON.stringify(results));
process.exit(0);
