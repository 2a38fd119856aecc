// Runs documents on a data set that was read from our API, with the simplest resolvers that return what our API returns.
//
// The data set: {"root": {…}, "objects": {ID: {…}}}. `root` has the fields of `Query` whose only argument is `first`. `objects` has
// every object with an id, with all its fields. A link to an object is {"id": ID}. A paged list is {"nodes": [{"id": ID}, …]},
// complete and in order.

import { execute, getNamedType, getNullableType, isListType, parse } from 'graphql';

const page = ({ nodes }, { first }) => {
  const shown = nodes.slice(0, first);
  return {
    nodes: shown,
    edges: shown.map((node) => ({ node })),
    totalCount: nodes.length,
    pageInfo: { hasNextPage: first < nodes.length, hasPreviousPage: false },
  };
};

export const execution = (schema, { root, objects }) => {
  const link = (value) => objects[value.id] ?? null;

  const complete = (value, type, args) => {
    if (value === null || value === undefined) return null;
    const bare = getNullableType(type);
    if (isListType(bare)) return value.map((item) => complete(item, bare.ofType, args));
    const named = getNamedType(bare);
    if (named.name.endsWith('Connection')) return page(value, args);
    const linked = named.name === 'Node' || named.getInterfaces?.().some(({ name }) => name === 'Node');
    return linked ? link(value) : value;
  };

  const fieldResolver = (source, args, _context, info) => {
    const { fieldName, parentType, returnType } = info;
    if (parentType.name === 'Query' && (args.id !== undefined || args.ids !== undefined)) {
      return args.ids === undefined ? link(args) : args.ids.map((id) => link({ id }));
    }
    return complete((source ?? root)[fieldName], returnType, args);
  };

  return (query, operationName, variableValues) =>
    execute({
      schema,
      document: parse(query),
      operationName,
      variableValues,
      fieldResolver,
      typeResolver: (value) => value.__typename,
    });
};
