// What GraphQL Code Generator is told: the server's schema, as a client would read it, and no type left open.

export default {
  schema: [{ [process.env.TENANTRY_URL]: { headers: { authorization: `Bearer ${process.env.TENANTRY_TOKEN}` } } }],
  documents: 'documents.graphql',
  generates: {
    'generated.ts': {
      plugins: ['typescript', 'typescript-operations', 'typed-document-node'],
      config: {
        strictScalars: true,
        defaultScalarType: 'unknown',
        // An amount stays a text: a number of JavaScript would round it.
        scalars: {
          ID: 'string',
          CurrencyCode: 'string',
          Date: '`${number}-${number}-${number}`',
          DateTime: 'string',
          Decimal: '`${number}`',
        },
        enumsAsTypes: true,
        useTypeImports: true,
        immutableTypes: true,
        skipTypename: true,
        avoidOptionals: { field: true },
      },
    },
  },
};
