// GraphQL Code Generator as it is, against the server at the first argument, with the token in TENANTRY_TOKEN and the schema in
// `schema.graphql`. Prints one JSON object: for each check null, or what was wrong. The test that starts this decides the rest.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

import { buildSchema, isScalarType, isSpecifiedScalarType } from 'graphql';
import ts from 'typescript';

const [url] = process.argv.slice(2);
const token = process.env.TENANTRY_TOKEN;

/** Runs a program of a package with Node: what it printed, and its exit status. */
function run(program, ...args) {
  const env = { ...process.env, TENANTRY_URL: url };
  const { status, stdout, stderr } = spawnSync('node', [`node_modules/${program}`, ...args], { encoding: 'utf8', env });
  return { status, printed: stdout + stderr };
}

/** The nodes of a syntax tree. */
function* nodes(node) {
  yield node;
  for (const child of node.getChildren()) yield* nodes(child);
}

// Nothing of an earlier run may pass for what this one generates.
for (const made of ['generated.ts', 'built']) rmSync(made, { recursive: true, force: true });

const program = async () => {
  const { connect, ...functions } = await import(`${process.cwd()}/built/program.js`);
  return { api: connect(url, token), ...functions };
};

const checks = {
  'codegen: strict types for the schema': async () => {
    const { status, printed } = run('@graphql-codegen/cli/cjs/bin.js', '--config', 'codegen.mjs');
    assert.equal(status, 0, printed);
    const source = ts.createSourceFile('generated.ts', readFileSync('generated.ts', 'utf8'), ts.ScriptTarget.Latest, true);
    const all = [...nodes(source)];
    const open = all.filter(({ kind }) => [ts.SyntaxKind.AnyKeyword, ts.SyntaxKind.EnumKeyword].includes(kind));
    assert.deepEqual(open.map((node) => node.parent.getText()), []);
    // Each scalar of ours has a type of its own.
    const scalars = all.find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === 'Scalars');
    const types = new Map(scalars.type.members.map((member) => [member.name.text, member.type.members.map(({ type }) => type.getText())]));
    const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));
    const custom = Object.values(schema.getTypeMap()).filter((type) => isScalarType(type) && !isSpecifiedScalarType(type));
    assert.deepEqual(custom.map(({ name }) => name).sort(), ['CurrencyCode', 'Date', 'DateTime', 'Decimal']);
    for (const { name } of custom) {
      assert.equal(types.get(name)?.length, 2, name);
      for (const type of types.get(name)) assert.notEqual(type, 'unknown', name);
    }
  },

  'codegen: TypeScript accepts it, and refuses mistakes': async () => {
    const { status, printed } = run('typescript/bin/tsc', '--project', '.');
    assert.equal(printed, '');
    assert.equal(status, 0);
    const expected = readFileSync('program.ts', 'utf8').match(/^ +\/\/ @ts-expect-error/gm);
    assert.equal(expected.length, 10);
  },

  'codegen: pages': async () => {
    const { api, projects } = await program();
    const { pages, totalCount } = await projects(api, 3);
    assert.equal(totalCount, 7);
    assert.deepEqual(pages.map(({ length }) => length), [3, 3, 1]);
    // Two projects have one name, so that either may come first.
    const [first, second, ...others] = pages.flat();
    assert.deepEqual([first, second].sort(), [['Project A', 'Ada'], ['Project A', 'Zoë']]);
    const expected = [['Project B', 'Zoë'], ['Project C', 'Zoë'], ['Project D', 'Ada'], ['Project E', null], ['Project F', null]];
    assert.deepEqual(others, expected);
  },

  'codegen: scalars and enums': async () => {
    const { api, invoices } = await program();
    const day = { year: 2026, month: 1, day: 1 };
    const invoice = { known: false, number: 'INV-1', day, minor: 11900n, tax: '0.19', open: false };
    assert.deepEqual(await invoices(api, 'PAID'), [invoice]);
    const overdue = { ...invoice, number: 'INV-2', day: { ...day, day: 2 }, open: true };
    assert.deepEqual(await invoices(api, 'OVERDUE'), [overdue]);
  },

  'codegen: a mutation and its refusal': async () => {
    const { api, createClient, nameOfClient } = await program();
    const { id, ...created } = await createClient(api, { name: 'Zoë & Söhne', status: 'LEAD' });
    assert.deepEqual(created, { known: false, status: 'LEAD', refused: [] });
    assert.equal(await nameOfClient(api, id), 'Zoë & Söhne');
    const refused = await createClient(api, { name: 'Zoë', email: 'nobody' });
    assert.equal(refused.id, null);
    assert.equal(refused.refused.length, 1);
    assert.match(refused.refused[0], /^INVALID email: ./);
  },

  'codegen: objects of several types': async () => {
    const { api, createClient, describe, nameOfClient } = await program();
    const { id } = await createClient(api, { name: 'Described', email: 'described@example.com' });
    const { projects, invoices, viewer } = await api.request(`{
      projects(first: 1, orderBy: { field: NAME, direction: DESC }) { nodes { id } }
      invoices(first: 1, filter: { status: [PAID] }) { nodes { id } } viewer { member { id } } }`);
    const others = [projects.nodes[0].id, invoices.nodes[0].id, viewer.member.id];
    const gone = id.slice(0, -4) + (id.endsWith('0000') ? '1111' : '0000');
    assert.deepEqual(await describe(api, [id, ...others, gone]), [
      'client Described <described@example.com>',
      'project Project F of 10000.00 USD',
      'invoice INV-1',
      `Member ${others[2]}`,
      null,
    ]);
    assert.equal(await nameOfClient(api, id), 'Described');
    assert.equal(await nameOfClient(api, others[1]), null);
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
