// Returns the reference implementation's verdict on GraphQL documents. It is started once and reads JSON lines.
//
//   node reference.mjs check NAME=SCHEMA.graphql...
//     in:  {id, schema, query, operationName?, variables?, more?}
//     out: {id, stage, errors: [{message, locations}], rules, variables?, trace?}
//     `stage` is where the request ends: "syntax", "validation", "operation" (which one to run), "variables" or "ready".
//     `rules` names the validation rules that refuse the document. With `more`, a ready request is run with generated values,
//     and `trace` lists the resolved fields, in order and with their arguments.
//
//   node reference.mjs execute SCHEMA.graphql DATA.json
//     in:  {id, query, operationName?, variables?}
//     out: {id, response}
//
// The scalars of our schema (`Date`, `DateTime`, `Decimal`, `CurrencyCode`) accept any value here: our rules for them are tested
// elsewhere. JavaScript has no exact integers beyond 2^53, so such an integer is sent as {"$integer": "12345678901234567890"}, in
// both directions.

import { readFileSync } from 'node:fs';
import {
  buildSchema,
  execute,
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isListType,
  isObjectType,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { getVariableValues } from 'graphql/execution/index.js';
import { execution } from './execution.mjs';

// The depth of introspection is limited by the reference implementation only, not by the specification.
const rules = specifiedRules.filter((rule) => rule.name !== 'MaxIntrospectionDepthRule');

const readSchema = (path) => buildSchema(readFileSync(path, 'utf8'));

const revive = (_key, value) => {
  const text = value !== null && typeof value === 'object' ? value.$integer : undefined;
  return typeof text === 'string' ? BigInt(text) : value;
};

const show = (_key, value) => (typeof value === 'bigint' ? { $integer: value.toString() } : value);

// A message may quote half of a surrogate pair, which JSON in UTF-8 cannot say.
const plain = (errors) => errors.map(({ message, locations }) => ({ message: message.toWellFormed(), locations }));

// Runs all rules at once and writes down which of them report something.
const refusals = (schema, document) => {
  const refusing = new Set();
  const tagged = rules.map((rule) => (context) => {
    const mine = Object.create(context);
    mine.reportError = (error) => {
      refusing.add(rule.name.replace(/Rule$/, ''));
      context.reportError(error);
    };
    return rule(mine);
  });
  const errors = validate(schema, document, tagged, { maxErrors: 1_000 });
  return { errors, rules: [...refusing].sort() };
};

// The operation to run: section 6.1.1, GetOperation.
const choose = (document, operationName) => {
  const operations = document.definitions.filter((definition) => definition.kind === 'OperationDefinition');
  if (operationName === undefined || operationName === null) {
    return operations.length === 1 ? operations[0] : undefined;
  }
  return operations.find((operation) => operation.name?.value === operationName);
};

// An invented value of a type. A list has two items, or one of each possible type when that depends on it.
const invent = (type, schema) => {
  const bare = getNullableType(type);
  const named = getNamedType(type);
  if (isListType(bare)) {
    const kinds = isAbstractType(named) ? schema.getPossibleTypes(named) : [named, named];
    return kinds.map((kind) => (isListType(getNullableType(bare.ofType)) ? [invent(kind, schema)] : invent(kind, schema)));
  }
  if (isObjectType(named)) return { __typename: named.name };
  if (isAbstractType(named)) return { __typename: schema.getPossibleTypes(named)[0].name };
  if (isEnumType(named)) return named.getValues()[0].value;
  switch (named.name) {
    case 'Int':
    case 'Float':
      return 1;
    case 'Boolean':
      return true;
    default:
      return 'text';
  }
};

const trace = (schema, document, operationName, variableValues) => {
  const steps = [];
  const fieldResolver = (_source, args, _context, info) => {
    const path = [];
    for (let at = info.path; at !== undefined; at = at.prev) path.unshift(at.key);
    steps.push({ path, type: info.parentType.name, field: info.fieldName, args });
    return invent(info.returnType, schema);
  };
  const response = execute({
    schema,
    document,
    operationName,
    variableValues,
    fieldResolver,
    typeResolver: (value) => value.__typename,
  });
  return { steps, response };
};

const check = (schemas) => (line) => {
  const { id, schema: name, query, operationName, variables, more } = JSON.parse(line, revive);
  const schema = schemas.get(name);
  let document;
  try {
    // The specification wants a selection in every selection set; the reference is lax by default.
    document = parse(query, { allowEmptySelectionSets: false });
  } catch (error) {
    return { id, stage: 'syntax', errors: plain([error]), rules: [] };
  }
  const { errors, rules } = refusals(schema, document);
  if (errors.length > 0) {
    return { id, stage: 'validation', errors: plain(errors), rules };
  }
  const operation = choose(document, operationName);
  if (operation === undefined) {
    return { id, stage: 'operation', errors: [{ message: 'Which operation?' }], rules };
  }
  const values = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {});
  if (values.errors) {
    return { id, stage: 'variables', errors: plain(values.errors), rules };
  }
  const answer = { id, stage: 'ready', errors: [], rules, variables: values.variableValues.coerced };
  if (more) answer.trace = trace(schema, document, operationName, variables ?? {});
  return answer;
};

const [mode, ...rest] = process.argv.slice(2);
let answer;
if (mode === 'check') {
  answer = check(
    new Map(
      rest.map((pair) => {
        const [name, path] = pair.split('=');
        return [name, readSchema(path)];
      }),
    ),
  );
} else if (mode === 'execute') {
  const run = execution(readSchema(rest[0]), JSON.parse(readFileSync(rest[1], 'utf8')));
  answer = (line) => {
    const { id, query, operationName, variables } = JSON.parse(line, revive);
    return { id, response: run(query, operationName, variables) };
  };
} else {
  throw new Error(`unknown mode: ${mode}`);
}

// `readline` would end a line at U+2028 as well, but JSON.stringify and serde_json may leave it in a string as it is.
let rest_of_line = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => {
  const lines = (rest_of_line + chunk).split('\n');
  rest_of_line = lines.pop();
  const out = lines.map((line) => JSON.stringify(answer(line), show));
  if (out.length > 0) process.stdout.write(`${out.join('\n')}\n`);
});
