"""The Python client gql as it is, against the server at the first argument, with the token in TENANTRY_TOKEN and the schema in
`schema.graphql`. Prints one JSON object: for each check null, or what was wrong. The test that starts this decides the rest."""

import asyncio
import json
import os
import sys
import traceback
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport
from gql.utilities import update_schema_enum, update_schema_scalars
from graphql import GraphQLError, GraphQLScalarType, build_schema, lexicographic_sort_schema, print_schema

URL = sys.argv[1]
AUTHORIZATION = {"Authorization": f"Bearer {os.environ['TENANTRY_TOKEN']}"}

PROJECTS = gql(
    """query ($first: Int, $after: String, $last: Int, $before: String) {
      projects(first: $first, after: $after, last: $last, before: $before, orderBy: { field: NAME, direction: ASC }) {
        totalCount nodes { id name } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
)
CREATE_CLIENT = gql(
    """mutation ($input: CreateClientInput!) {
      createClient(input: $input) { client { id name email status createdAt } userErrors { code field message } } }"""
)
CREATE_INVOICE = gql(
    """mutation ($input: CreateInvoiceInput!) {
      createInvoice(input: $input) {
        invoice {
          id status issueDate dueDate createdAt updatedAt taxRate sentAt
          subtotal { amount currency } taxAmount { amount } total { amount }
          lineItems { description quantity rate amount { amount } } }
        userErrors { code field message } } }"""
)
UPDATE_INVOICE = gql(
    """mutation ($input: UpdateInvoiceInput!) {
      updateInvoice(input: $input) { invoice { taxRate total { amount } updatedAt } userErrors { code field } } }"""
)
INVOICES = gql(
    """query ($status: [InvoiceStatus!]) {
      invoices(first: 50, filter: { status: $status }) {
        nodes { number status issueDate dueDate sentAt taxRate total { amount currency } } } }"""
)

STATUSES = ("DRAFT", "ISSUED", "SENT", "PARTLY_PAID", "PAID", "OVERDUE", "WRITTEN_OFF", "VOID")
InvoiceStatus = Enum("InvoiceStatus", {name: name.lower() for name in STATUSES})


def same(found, expected):
    """Fails unless both look the same: at any depth 1 is not Decimal("1"), Decimal("1.0") is not Decimal("1"), no text is a date."""
    assert repr(found) == repr(expected), f"found {found!r}, expected {expected!r}"


def raises(kind, action):
    """The error that the action raises, which must be of this kind."""
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def transport(**headers):
    return HTTPXTransport(url=URL, headers=AUTHORIZATION | headers, timeout=20)


def strict(**settings):
    """A client that fetches the schema from the server and checks each document against it before it is sent."""
    return Client(transport=transport(), fetch_schema_from_transport=True, **settings)


def teach(session):
    """Tells the schema of a session which types Python has for our scalars and for one of our enums."""
    scalar = lambda name, parse, serialize: GraphQLScalarType(name=name, parse_value=parse, serialize=serialize)
    scalars = [
        scalar("Date", date.fromisoformat, date.isoformat),
        # Python reads the Z only since 3.11.
        scalar("DateTime", lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")), datetime.isoformat),
        scalar("Decimal", Decimal, str),
    ]
    update_schema_scalars(session.client.schema, scalars)
    update_schema_enum(session.client.schema, "InvoiceStatus", InvoiceStatus)


def the_fetched_schema_is_the_committed_one():
    with open("schema.graphql", encoding="utf-8") as file:
        committed = build_schema(file.read())
    with strict(introspection_args={"input_value_deprecation": True, "specified_by_url": True}) as session:
        printed = print_schema(lexicographic_sort_schema(session.client.schema))
    same(printed, print_schema(lexicographic_sort_schema(committed)))


def a_wrong_document_is_not_sent():
    with strict() as session:
        sent = []
        session.transport.client.event_hooks["request"].append(sent.append)
        for text, message in [
            ("{ clients(first: 1) { nodes { nmae } } }", "Cannot query field 'nmae' on type 'Client'. Did you mean 'name'?"),
            ("{ clients(frist: 1) { totalCount } }", "Unknown argument 'frist' on field 'Query.clients'. Did you mean 'first' or 'last'?"),
            ("query ($id: ID) { client(id: $id) { id } }", "Variable '$id' of type 'ID' used in position expecting type 'ID!'."),
        ]:
            error = raises(GraphQLError, lambda: session.execute(gql(text)))
            same(error.message, message)
        same(sent, [])
        session.execute(gql("{ viewer { role } }"))
        same(len(sent), 1)


def pages():
    with strict() as session:
        names, ids, after, sizes = [], [], None, []
        while True:
            request = GraphQLRequest(PROJECTS, variable_values={"first": 3, "after": after})
            page = session.execute(request)["projects"]
            same(page["totalCount"], 7)
            same(page["edges"][-1]["cursor"], page["pageInfo"]["endCursor"])
            same(page["pageInfo"]["hasPreviousPage"], after is not None)
            sizes.append(len(page["nodes"]))
            names += [node["name"] for node in page["nodes"]]
            ids += [node["id"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        same(sizes, [3, 3, 1])
        same(names, [f"Project {letter}" for letter in "AABCDEF"])
        same(len(set(ids)), 7)
        # And back: the three before the last one.
        back = {"last": 3, "before": page["pageInfo"]["startCursor"]}
        page = session.execute(GraphQLRequest(PROJECTS, variable_values=back))["projects"]
        same([node["id"] for node in page["nodes"]], ids[3:6])
        same(page["pageInfo"]["hasNextPage"], True)


def scalars_are_parsed():
    with strict(parse_results=True, serialize_variables=True) as session:
        teach(session)
        paid = GraphQLRequest(INVOICES, variable_values={"status": [InvoiceStatus.PAID]})
        (invoice,) = session.execute(paid)["invoices"]["nodes"]
        same(invoice["number"], "INV-1")
        same(invoice["status"], InvoiceStatus.PAID)
        same(invoice["issueDate"], date(2026, 1, 1))
        same(invoice["dueDate"], date(2026, 2, 1))
        same(invoice["sentAt"], datetime(2026, 1, 2, tzinfo=timezone.utc))
        same(invoice["taxRate"], Decimal("0.19"))
        same(invoice["total"], {"amount": Decimal("119.00"), "currency": "EUR"})
        # Without the parsing they are the texts of the answer.
        (text,) = session.execute(paid, parse_result=False)["invoices"]["nodes"]
        same(text["status"], "PAID")
        same(text["total"]["amount"], "119.00")
        same(text["sentAt"], "2026-01-02T00:00:00Z")


def an_invoice_is_written_with_python_values():
    with strict(parse_results=True, serialize_variables=True) as session:
        teach(session)
        client = session.execute(gql("{ clients(first: 1) { nodes { id } } }"))["clients"]["nodes"][0]["id"]
        variables = {
            "input": {
                "clientId": client,
                "currency": "EUR",
                "issueDate": date(2026, 3, 1),
                "dueDate": date(2026, 3, 31),
                "taxRate": Decimal("0.07"),
                "lineItems": [
                    {"description": "Work", "quantity": Decimal("1.5"), "rate": Decimal("33.33")},
                    {"description": "Discount", "quantity": Decimal(1), "rate": Decimal("-10")},
                ],
            }
        }
        before = datetime.now(timezone.utc)
        answer = session.execute(GraphQLRequest(CREATE_INVOICE, variable_values=variables))["createInvoice"]
        same(answer["userErrors"], [])
        invoice = answer["invoice"]
        same(invoice["status"], InvoiceStatus.DRAFT)
        same(invoice["issueDate"], date(2026, 3, 1))
        same(invoice["dueDate"], date(2026, 3, 31))
        same(invoice["taxRate"], Decimal("0.07"))
        same(invoice["sentAt"], None)
        # 1.5 × 33.33 is 49.995; each line is rounded once, half away from zero.
        same([line["amount"]["amount"] for line in invoice["lineItems"]], [Decimal("50.00"), Decimal("-10.00")])
        same([line["quantity"] for line in invoice["lineItems"]], [Decimal("1.5"), Decimal("1")])
        same(invoice["subtotal"], {"amount": Decimal("40.00"), "currency": "EUR"})
        same(invoice["taxAmount"]["amount"], Decimal("2.80"))
        same(invoice["total"]["amount"], Decimal("42.80"))
        assert abs(invoice["createdAt"] - before) < timedelta(minutes=5), invoice["createdAt"]
        # A time that was read can be written back; the second time the invoice has changed.
        change = {"id": invoice["id"], "expectedUpdatedAt": invoice["updatedAt"], "taxRate": Decimal("0.1")}
        update = GraphQLRequest(UPDATE_INVOICE, variable_values={"input": change})
        changed = session.execute(update)["updateInvoice"]
        same(changed["userErrors"], [])
        same(changed["invoice"]["taxRate"], Decimal("0.1"))
        same(changed["invoice"]["total"]["amount"], Decimal("44.00"))
        assert changed["invoice"]["updatedAt"] > invoice["updatedAt"], changed
        again = session.execute(update)["updateInvoice"]
        same([error["code"] for error in again["userErrors"]], ["CONFLICT"])


def a_write_and_its_refusal():
    with strict() as session:
        create = lambda **fields: session.execute(GraphQLRequest(CREATE_CLIENT, variable_values={"input": fields}))
        answer = create(name="Zoë & Söhne", email="zoe@example.com", status="LEAD")["createClient"]
        same(answer["userErrors"], [])
        same(answer["client"]["name"], "Zoë & Söhne")
        same(answer["client"]["status"], "LEAD")
        read = gql("query ($id: ID!) { node(id: $id) { __typename id ... on Client { name email } } }")
        node = session.execute(GraphQLRequest(read, variable_values={"id": answer["client"]["id"]}))["node"]
        expected = {"id": answer["client"]["id"], "name": "Zoë & Söhne", "email": "zoe@example.com"}
        same(node, {"__typename": "Client"} | expected)
        refused = create(name="")["createClient"]
        same(refused["client"], None)
        same([(error["code"], error["field"]) for error in refused["userErrors"]], [("REQUIRED", ["name"])])


def a_batch():
    with strict() as session:
        sent = []
        session.transport.client.event_hooks["request"].append(sent.append)
        requests = [
            GraphQLRequest(gql("{ viewer { role } }")),
            GraphQLRequest(CREATE_CLIENT, variable_values={"input": {"name": "In a batch"}}),
            GraphQLRequest(PROJECTS, variable_values={"first": 2}),
        ]
        answers = session.execute_batch(requests)
        same(len(sent), 1)
        same(len(json.loads(sent[0].content)), 3)
        same(answers[0], {"viewer": {"role": "OWNER"}})
        same(answers[1]["createClient"]["client"]["name"], "In a batch")
        same(answers[2]["projects"]["totalCount"], 7)
        same(len(answers[2]["projects"]["nodes"]), 2)


def errors():
    # Without the schema, so that it is the server that refuses.
    with Client(transport=transport()) as session:
        for text, message in [
            ("{ clients(first: 1) { nodes { nmae } } }", "type `Client` does not have a field `nmae`. Did you mean `name`?"),
            ('{ client(id: "none") { id } }', "id: not a valid id. An id looks like client_01h455vb4pex5vsknk084sn02q."),
        ]:
            error = raises(TransportQueryError, lambda: session.execute(gql(text)))
            same(error.errors[0]["extensions"]["code"], "BAD_USER_INPUT")
            same(error.errors[0]["message"], message)
            same(error.data, None)
        # One field fails; the other one's answer is kept.
        partial = gql('{ viewer { role } clients(first: 1, after: "no cursor") { totalCount } }')
        error = raises(TransportQueryError, lambda: session.execute(partial))
        same(error.errors[0]["extensions"]["code"], "BAD_USER_INPUT")
        same(error.errors[0]["path"], ["clients"])
        same(error.data, {"viewer": {"role": "OWNER"}, "clients": None})
    with Client(transport=HTTPXTransport(url=URL, headers={"Authorization": "Bearer none"})) as session:
        error = raises(TransportQueryError, lambda: session.execute(gql("{ viewer { role } }")))
        same(error.errors[0]["extensions"]["code"], "UNAUTHENTICATED")


def a_mutation_sent_twice():
    key = str(uuid.uuid4())
    count = gql("{ clients(first: 1) { totalCount } }")
    request = GraphQLRequest(CREATE_CLIENT, variable_values={"input": {"name": "Once"}})
    with strict() as plain:
        before = plain.execute(count)["clients"]["totalCount"]
        answers, replayed = [], []
        for _ in range(2):
            with Client(transport=transport(**{"Idempotency-Key": key})) as session:
                answers.append(session.execute(request)["createClient"])
                replayed.append(session.transport.response_headers.get("Idempotency-Replayed"))
        same(answers[0]["client"]["name"], "Once")
        same(answers[1], answers[0])
        same(replayed, [None, "true"])
        same(plain.execute(count)["clients"]["totalCount"], before + 1)
        # The key belongs to that request.
        other = GraphQLRequest(CREATE_CLIENT, variable_values={"input": {"name": "Another"}})
        with Client(transport=transport(**{"Idempotency-Key": key})) as session:
            error = raises(TransportQueryError, lambda: session.execute(other))
            same(error.errors[0]["extensions"]["code"], "IDEMPOTENCY_KEY_REUSED")
        same(plain.execute(count)["clients"]["totalCount"], before + 1)


def at_once():
    async def run():
        wire = HTTPXAsyncTransport(url=URL, headers=AUTHORIZATION, timeout=20)
        async with Client(transport=wire, fetch_schema_from_transport=True) as session:
            queries = [GraphQLRequest(PROJECTS, variable_values={"first": first}) for first in range(1, 8)]
            return await asyncio.gather(*(session.execute(query) for query in queries))

    same([len(answer["projects"]["nodes"]) for answer in asyncio.run(run())], [1, 2, 3, 4, 5, 6, 7])


CHECKS = {
    "gql: the fetched schema is the committed one": the_fetched_schema_is_the_committed_one,
    "gql: a wrong document is not sent": a_wrong_document_is_not_sent,
    "gql: pages": pages,
    "gql: scalars are parsed": scalars_are_parsed,
    "gql: an invoice is written with Python's values": an_invoice_is_written_with_python_values,
    "gql: a write and its refusal": a_write_and_its_refusal,
    "gql: a batch": a_batch,
    "gql: errors": errors,
    "gql: a mutation sent twice": a_mutation_sent_twice,
    "gql: asynchronous queries at once": at_once,
}

results = {}
for name, check in CHECKS.items():
    try:
        check()
        results[name] = None
    except Exception:
        results[name] = traceback.format_exc()
print(json.dumps(results))
