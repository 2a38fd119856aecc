// Runs the audits of GraphQL over HTTP against the endpoint named by the first argument, with the bearer token in
// TENANTRY_AUDIT_TOKEN. Prints one JSON array: the id, the name and the status of each audit, with the reason if it did not
// pass. The test that starts this decides what may fail.

import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);
const authorization = `Bearer ${process.env.TENANTRY_AUDIT_TOKEN}`;

// The audits do not authenticate; everything else about their requests is unchanged.
const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, authorization } });

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));
