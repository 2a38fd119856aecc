// Runs the audits of GraphQL over HTTP against the endpoint named by the first argument, with the bearer token in
// TENANTRY_AUDIT_TOKEN, and prints one JSON array: the id, the name and the status of each audit, with the reason where it did
// not pass. Deciding what may fail is left to the test that starts this.

import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);
const authorization = `Bearer ${process.env.TENANTRY_AUDIT_TOKEN}`;

// The audits know no authentication; everything else about their requests stays as it is.
const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, authorization } });

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));
