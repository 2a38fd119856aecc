// A program that relies on the generated types. TypeScript checks it, and `run.mjs` compares what it returns. Each
// `@ts-expect-error` is a mistake that the types must catch; if they do not, the program does not compile.

import { GraphQLClient } from 'graphql-request';

import { CreateClientDocument, InvoicesDocument, NodeDocument, NodesDocument, ProjectsDocument } from './generated.js';
import type { CreateClientInput, InvoiceStatus, NodesQuery, ProjectsQuery, Scalars } from './generated.js';

/** Is `false` for every type but `any`. With `any`, everything below would compile. */
type IsAny<T> = 0 extends 1 & T ? true : false;

export const connect = (url: string, token: string): GraphQLClient =>
  new GraphQLClient(url, { headers: { authorization: `Bearer ${token}` } });

/** The names of the projects and of their clients, page by page. */
export async function projects(api: GraphQLClient, first: number) {
  const pages: (readonly [name: string, client: string | null])[][] = [];
  for (let after: string | null = null; ; ) {
    const data: ProjectsQuery = await api.request(ProjectsDocument, { first, after });
    if (data.projects === null) throw new Error('a root field is null only with an error');
    const { edges, pageInfo, totalCount } = data.projects;
    pages.push(edges.map(({ node }) => [node.name, node.client?.name ?? null] as const));
    if (!pageInfo.hasNextPage) return { pages, totalCount };
    if (edges.at(-1)?.cursor !== pageInfo.endCursor) throw new Error('the last cursor is not the end cursor');
    after = pageInfo.endCursor;
  }
}

/** What each state means; a state that the schema gains is missing here. */
const OPEN: Record<InvoiceStatus, boolean> = {
  DRAFT: false,
  ISSUED: true,
  OVERDUE: true,
  PAID: false,
  PARTLY_PAID: true,
  SENT: true,
  VOID: false,
  WRITTEN_OFF: false,
};

/** The invoices in one state: the number, the day, and the amount in minor units. */
export async function invoices(api: GraphQLClient, status: InvoiceStatus) {
  const data = await api.request(InvoicesDocument, { filter: { status: [status] } });
  const known: IsAny<typeof data> = false;
  return (data.invoices?.nodes ?? []).map((invoice) => {
    const total: Scalars['Decimal']['output'] = invoice.total.amount;
    const [year, month, day] = invoice.issueDate.split('-').map(Number);
    const minor = BigInt(total.replace('.', ''));
    return { known, number: invoice.number, day: { year, month, day }, minor, tax: invoice.taxRate ?? null, open: OPEN[invoice.status] };
  });
}

/** Creates a client: its id, or the fields that were refused. */
export async function createClient(api: GraphQLClient, input: CreateClientInput) {
  const { createClient: payload } = await api.request(CreateClientDocument, { input });
  const known: IsAny<typeof payload> = false;
  if (payload === null) throw new Error('a root field is null only with an error');
  const refused = payload.userErrors.map(({ code, field, message }) => `${code} ${field.join('.')}: ${message}`);
  return { known, id: payload.client?.id ?? null, status: payload.client?.status ?? null, refused };
}

type AnyObject = NonNullable<NonNullable<NodesQuery['nodes']>[number]>;

/** A line about an object, whatever it is. */
function line(object: AnyObject): string {
  switch (object.__typename) {
    case 'Client':
      return `client ${object.name} <${object.email ?? ''}>`;
    case 'Project':
      return `project ${object.name} of ${object.budget?.amount ?? '-'} ${object.budget?.currency ?? '-'}`;
    case 'Invoice':
      return `invoice ${object.number ?? 'without a number'}`;
    case 'Activity':
    case 'Attachment':
    case 'Comment':
    case 'ContentItem':
    case 'Label':
    case 'Member':
    case 'Organization':
    case 'PersonalTask':
    case 'ProjectGrant':
    case 'Task':
    case 'Transaction':
    case 'Workspace':
    case 'WorkspaceGrant':
      return `${object.__typename} ${object.id}`;
    default: {
      const forgotten: never = object;
      return forgotten;
    }
  }
}

/** A line about each object; null where there is none. */
export async function describe(api: GraphQLClient, ids: readonly string[]) {
  const { nodes } = await api.request(NodesDocument, { ids });
  return (nodes ?? []).map((object) => object && line(object));
}

/** The name of a client, if the id is a client's. */
export async function nameOfClient(api: GraphQLClient, id: string): Promise<string | null> {
  const { node } = await api.request(NodeDocument, { id });
  return node?.__typename === 'Client' ? node.name : null;
}

/** Mistakes. This is compiled and never called. */
export async function mistakes(api: GraphQLClient): Promise<void> {
  // @ts-expect-error: `name` is missing.
  await createClient(api, { email: 'zoe@example.com' });
  // @ts-expect-error: there is no such state.
  await createClient(api, { name: 'Zoë', status: 'GONE' });
  // @ts-expect-error: there is no such field.
  await createClient(api, { name: 'Zoë', emial: 'zoe@example.com' });
  // @ts-expect-error: `first` is a number.
  await api.request(ProjectsDocument, { first: '3' });
  // @ts-expect-error: the variables are missing.
  await api.request(ProjectsDocument);
  // @ts-expect-error: a day is no number.
  await api.request(InvoicesDocument, { filter: { issuedFrom: 20260101 } });

  const { projects: page } = await api.request(ProjectsDocument, { first: 3 });
  // @ts-expect-error: a root field can be null.
  page.totalCount;
  // @ts-expect-error: the field was not selected.
  page?.nodes;
  const { invoices: found } = await api.request(InvoicesDocument, { filter: {} });
  const invoice = found?.nodes[0];
  // @ts-expect-error: an amount is a text, so that nothing is lost.
  const amount: number | undefined = invoice?.total.amount;
  const { node } = await api.request(NodeDocument, { id: '' });
  // @ts-expect-error: not every object has a name.
  return void [node?.name, amount];
}
