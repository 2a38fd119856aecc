//! Section 5.3.2: fields that merge.

use super::super::Cases;

pub(super) fn merging(cases: &mut Cases) {
    cases
        .ours("5.3.2 field selection merging")
        .ready([
            "{ viewer { role role } }",
            "{ viewer { a: role a: role } }",
            "{ clients(first: 1) { totalCount } clients(first: 1) { nodes { id } } }",
            "{ a: clients(first: 1) { totalCount } b: clients(first: 2) { totalCount } }",
            "{ clients(first: 1, after: \"x\") { totalCount } clients(after: \"x\", first: 1) { totalCount } }",
            "{ clients(filter: {status: [LEAD], createdFrom: \"x\"}) { totalCount } \
               clients(filter: {createdFrom: \"x\", status: [LEAD]}) { totalCount } }",
            "{ node(id: 1) { ... on Client { name } ... on Project { name } } }",
            "{ node(id: 1) { ... on Client { label: name } ... on Task { label: title } } }",
            "{ node(id: 1) { ... on Client { projects(first: 1) { totalCount } } ... on Workspace { projects(first: 2) { totalCount } } } }",
            "{ viewer { role @skip(if: true) role @include(if: false) } }",
            "{ clients { nodes { id } } ...F } fragment F on Query { clients { nodes { name } totalCount } }",
            "{ client(id: \"\\u0041\") { id } client(id: \"A\") { name } }",
            "{ clients(first: null) { totalCount } clients(first: null) { totalCount } }",
            "{ invoices { nodes { total { amount } ... on Invoice { total { currency } } } } }",
        ])
        .refused(
            "OverlappingFieldsCanBeMerged",
            [
                "{ clients { nodes { a: id a: name } } }",
                "{ clients { nodes { name: id name } } }",
                "{ clients(first: 1) { totalCount } clients(first: 2) { totalCount } }",
                "{ clients(first: 1) { totalCount } clients { totalCount } }",
                "{ clients { totalCount } clients(first: null) { totalCount } }",
                "{ clients(first: 1) { totalCount } clients(last: 1) { totalCount } }",
                "{ clients(filter: {status: [LEAD]}) { totalCount } clients(filter: {status: LEAD}) { totalCount } }",
                "{ clients(filter: {status: [LEAD]}) { totalCount } clients(filter: {status: [LEAD, ACTIVE]}) { totalCount } }",
                "{ clients(filter: {status: [LEAD, ACTIVE]}) { totalCount } clients(filter: {status: [LEAD]}) { totalCount } }",
                "{ clients(filter: {status: []}) { totalCount } clients(filter: {status: [LEAD]}) { totalCount } }",
                "{ clients(filter: {status: [LEAD, ACTIVE]}) { totalCount } clients(filter: {status: [ACTIVE, LEAD]}) { totalCount } }",
                "{ clients(filter: {status: [LEAD]}) { totalCount } clients(filter: {}) { totalCount } }",
                "{ client(id: 1) { id } client(id: \"1\") { id } }",
                "{ client(id: \"1\") { id } client(id: \"\"\"1\"\"\") { name } }",
                "{ client(id: \"1\") { id } ... on Query { client(id: \"2\") { id } } }",
                "query ($a: Int, $b: Int) { clients(first: $a) { totalCount } clients(first: $b) { totalCount } }",
                "query ($a: Int = 1) { clients(first: $a) { totalCount } clients(first: 1) { totalCount } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Client { a: id } } }",
                "{ node(id: 1) { a: id ... on Client { a: name } } }",
                // Shapes must be equal even where the types exclude each other.
                "{ node(id: 1) { ... on Client { status } ... on Project { status } } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Project { a: description } } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Project { a: client { name } } } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Invoice { a: lineItems { description } } } }",
                "{ node(id: 1) { ... on Client { a: projects { nodes { b: id } } } ... on Project { a: client { b: company nodes: name } } } }",
                "{ node(id: 1) { ... on Invoice { a: client { b: name } } ... on Project { a: client { b: email } } } }",
                "{ clients { nodes { projects { nodes { x: id } } } } ...F } fragment F on Query { clients { nodes { projects { nodes { x: name } } } } }",
                "{ ...F ...G } fragment F on Query { a: clients { totalCount } } fragment G on Query { a: projects { totalCount } }",
                "{ viewer { x: role } ...F } fragment F on Query { viewer { ...G } } fragment G on Viewer { x: member { id } }",
                "{ __typename: viewer { role } __typename }",
            ],
        );
    cases
        .wide("5.3.2 field selection merging on unions and interfaces")
        .ready([
            "{ pet { ... on Dog { volume(unit: RED) } ... on Dog { volume(unit: RED) } } }",
            "{ pet { ... on Dog { a: knows(command: SIT) } ... on Cat { a: knows(command: HEEL) } } }",
            "{ boxes { ... on StringBox { deep { value { text } } } ... on IntBox { deep { value { number } } } } }",
            "{ boxes { ... on StringBox { deep { x: scalar } } ... on IntBox { deep { y: scalar } } } }",
            "{ boxes { ... on StringBox { list { id } } } }",
            "{ boxes { ... on StringBox { value { nested { text } } } value { nested { number } } } }",
            "{ lists(ints: [1, 2]) b: lists(ints: [1, 2]) lists(ints: [1, 2]) }",
            "{ scalars(any: {a: 1, b: [1, {c: 2}]}) scalars(any: {b: [1, {c: 2}], a: 1}) }",
            "{ scalars(float: 1.0) scalars(float: 1.0) }",
        ])
        .refused(
            "OverlappingFieldsCanBeMerged",
            [
                "{ pet { ... on Dog { volume } ... on Cat { volume } } }",
                "{ pet { ... on Dog { weight } ... on Cat { weight } } }",
                "{ catOrDog { ... on Dog { tags } ... on Cat { tags } } }",
                "{ pet { ... on Pet { a: name } ... on Dog { a: nickname } } }",
                "{ pet { ... on Animal { a: nickname } ... on Dog { a: name } } }",
                "{ boxes { ... on StringBox { scalar } ... on IntBox { scalar } } }",
                "{ boxes { ... on StringBox { scalar } ... on NonNullBox { scalar } } }",
                "{ boxes { ... on StringBox { deep { id } } ... on NonNullBox { deep { id } } } }",
                "{ boxes { ... on StringBox { list { id } } ... on IntBox { list { id } } } }",
                "{ boxes { ... on StringBox { list { id } } ... on NonNullBox { list { id } } } }",
                "{ boxes { ... on StringBox { a: list { id } } ... on IntBox { a: deep { id } } } }",
                "{ boxes { ... on StringBox { deep { scalar } } ... on IntBox { deep { scalar } } } }",
                "{ boxes { ... on StringBox { deep { x: id } } ... on IntBox { deep { x: scalar } } } }",
                "{ boxes { ... on StringBox { deep { ...S } } ... on IntBox { deep { ...I } } } } \
                  fragment S on StringBox { unrelated } fragment I on IntBox { unrelated }",
                "{ boxes { ... on StringBox { a: value { text } } ... on IntBox { a: value { text: number } } } }",
                "{ lists(ints: [1]) lists(ints: [1, 2]) }",
                "{ lists(ints: [1, 2]) lists(ints: [1]) }",
                "{ scalars(any: {a: 1}) scalars(any: {a: 1, b: 2}) }",
                "{ scalars(any: {a: [[1], [2]]}) scalars(any: {a: [[1], [2, 3]]}) }",
                "{ scalars(any: [{a: 1}]) scalars(any: [{a: 2}]) }",
                "{ scalars(int: 1) scalars(float: 1) }",
                "{ scalars(float: 1) scalars(float: 1.0) }",
                "{ scalars(float: 1.0) scalars(float: 1.00) }",
                "{ scalars(string: \"a\") scalars(string: \"b\") }",
                "{ scalars(colour: RED) scalars(colour: BLUE) }",
                "{ scalars(any: RED) scalars(any: \"RED\") }",
                "{ scalars(boolean: true) scalars(boolean: false) }",
                "query ($a: Int, $b: Int) { scalars(any: [$a]) scalars(any: [$b]) }",
                "query ($a: Int, $b: Int) { lists(ints: [$a, 1]) lists(ints: [$b, 1]) }",
            ],
        );
}
