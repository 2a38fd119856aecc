// The explorer: GraphiQL, with a choice of people to ask as. It talks to its own origin alone.
import './workers.js';
import 'graphiql/style.css';
import './style.css';

import { GraphiQL } from 'graphiql';
import { getOperationAST, parse } from 'graphql';
import { useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';

const TOKEN = 'tenantry-token';

/** Whether what is asked for goes on. */
function isSubscription({ query, operationName }) {
  return getOperationAST(parse(query), operationName)?.operation === 'subscription';
}

/** The results in a stream of events, one by one, until it is stopped. */
async function* results(answer, signal) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const events = (text + part.value).split('\n\n');
      text = events.pop();
      for (const event of events) {
        if (event.startsWith('event: next')) yield JSON.parse(event.slice(event.indexOf('data: ') + 6));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Sends a request as GraphiQL wants it; a header from its own editor wins over the chosen token. */
function fetcherFor(token) {
  return async (params, options) => {
    const headers = new Headers({ accept: 'application/json', 'content-type': 'application/json' });
    if (token.current) headers.set('authorization', `Bearer ${token.current}`);
    for (const [name, value] of Object.entries(options?.headers ?? {})) headers.set(name, value);
    const goesOn = isSubscription(params);
    if (goesOn) headers.set('accept', 'text/event-stream');
    const stop = new AbortController();
    const { signal } = stop;
    const answer = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(params), signal });
    // A refusal is one answer.
    if (!goesOn || !answer.headers.get('content-type').startsWith('text/event-stream')) return answer.json();
    const events = results(answer, signal);
    const end = events.return.bind(events);
    events.return = (value) => {
      stop.abort();
      return end(value);
    };
    return events;
  };
}

/** Who is asking: a person of the demo data, or the pasted token's user. */
function Bar({ people, onToken }) {
  const [pasted, setPasted] = useState(sessionStorage.getItem(TOKEN) ?? '');
  if (people.length > 0) {
    return (
      <label>
        Ask as{' '}
        <select onChange={(event) => onToken(people[event.target.selectedIndex].token)}>
          {people.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    );
  }
  const take = () => {
    const token = pasted.trim();
    if (token === (sessionStorage.getItem(TOKEN) ?? '')) return;
    sessionStorage.setItem(TOKEN, token);
    onToken(token);
  };
  return (
    <label>
      Token{' '}
      <input
        type="password"
        autoComplete="off"
        spellCheck={false}
        value={pasted}
        onChange={(event) => setPasted(event.target.value)}
        onBlur={take}
        onKeyDown={(event) => event.key === 'Enter' && take()}
      />
    </label>
  );
}

function Explorer({ people, examples }) {
  const token = useRef(people[0]?.token ?? sessionStorage.getItem(TOKEN) ?? '');
  const [asked, setAsked] = useState(0);
  const fetcher = useRef(fetcherFor(token)).current;
  const onToken = (next) => {
    token.current = next;
    // Without a token the schema could not be read, so it is read now.
    setAsked(asked + 1);
  };
  return (
    <>
      <header>
        <strong>Tenantry</strong>
        <Bar people={people} onToken={onToken} />
      </header>
      <main>
        <GraphiQL
          key={people.length > 0 ? 'people' : asked}
          fetcher={fetcher}
          defaultTabs={examples.map(({ query, variables }) => ({
            query,
            variables: variables ? JSON.stringify(variables, null, 2) : undefined,
          }))}
          defaultEditorToolsVisibility="variables"
        />
      </main>
    </>
  );
}

const session = await fetch('/explorer/session.json').then((answer) => (answer.ok ? answer.json() : {}));
const { people = [], examples = [] } = session;
createRoot(document.getElementById('root')).render(<Explorer people={people} examples={examples} />);
