//! Bodies of requests: what is read, and what is refused with which message.

use super::*;

fn refusal(body: &str) -> BodyError {
    from_json(body.as_bytes()).expect_err(body)
}

fn one(body: &[u8]) -> SentRequest {
    match from_json(body).unwrap() {
        Sent::One(request) => request,
        Sent::Batch(_) => panic!("a batch"),
    }
}

#[test]
fn a_whole_request_is_read() {
    let body = r#"{"query":"query Q { a }","operationName":"Q","variables":{"a":[1,{"b":null}]},
                   "extensions":{"x":[1]},"other":[{}]}"#;
    let request = one(body.as_bytes());
    assert_eq!(request.query.as_deref(), Some("query Q { a }"));
    assert_eq!(request.operation_name.as_deref(), Some("Q"));
    assert_eq!(request.variables.to_string(), "{a: [1, {b: null}]}");
    let request = one(br#"{"variables":null,"extensions":null,"operationName":null,"query":""}"#);
    assert!(request.variables.is_empty() && request.operation_name.is_none());
}

#[test]
fn text_is_kept_exactly() {
    let request = one(r##"{"query":"# 🏃\n{a}","variables":{"n":"\ud83c\udfca שלום"}}"##.as_bytes());
    assert_eq!(request.query.as_deref(), Some("# 🏃\n{a}"));
    assert_eq!(request.variables.to_string(), "{n: \"🏊 שלום\"}");
}

#[test]
fn a_byte_order_mark_before_the_body_is_skipped() {
    let request = one("\u{feff}{\"query\":\"{ a }\"}\r\n".as_bytes());
    assert_eq!(request.query.as_deref(), Some("{ a }"));
    assert_eq!(refusal("\u{feff}[]"), BodyError::BatchSize);
    for body in
        ["\u{feff}\u{feff}{\"query\":\"a\"}", "{\u{feff}\"query\":\"a\"}", "{\"query\":\"a\"}\u{feff}", "\u{feff}"]
    {
        assert!(matches!(refusal(body), BodyError::NotJson { .. }), "{body:?}");
    }
    // Inside the text it is an ordinary character.
    assert_eq!(one("{\"query\":\"\u{feff}a\"}".as_bytes()).query.as_deref(), Some("\u{feff}a"));
}

#[test]
fn an_empty_operation_name_counts_as_absent() {
    for body in [r#"{"query":"a","operationName":""}"#, r#"{"operationName":null,"query":"a"}"#, r#"{"query":"a"}"#] {
        assert_eq!(one(body.as_bytes()).operation_name, None, "{body}");
    }
    assert_eq!(from_query_string("query=a&operationName=").unwrap().operation_name, None);
    let named = one(br#"{"query":"a","operationName":" "}"#);
    assert_eq!(named.operation_name.as_deref(), Some(" "), "only what is empty");
}

#[test]
fn a_wrong_type_is_refused_by_name() {
    for value in ["{}", "0", "false", "[\"a\"]", "null"] {
        assert_eq!(refusal(&format!(r#"{{"query":{value}}}"#)).parameter(), Some("query"), "{value}");
    }
    for value in ["{}", "0", "false", "[\"a\"]"] {
        let body = format!(r#"{{"query":"a","operationName":{value}}}"#);
        assert_eq!(refusal(&body).parameter(), Some("operationName"), "{value}");
    }
    for value in ["\"a\"", "0", "false", "[\"a\"]"] {
        for parameter in ["variables", "extensions"] {
            let body = format!(r#"{{"{parameter}":{value},"query":"a"}}"#);
            assert_eq!(refusal(&body).parameter(), Some(parameter), "{body}");
        }
    }
    assert_eq!(refusal("{}").parameter(), Some("query"));
    assert_eq!(refusal(r#"{"qeury":"{a}"}"#).parameter(), Some("query"));
}

#[test]
fn a_repeated_parameter_is_refused() {
    assert_eq!(refusal(r#"{"query":"a","query":"b"}"#), BodyError::Repeated("query"));
    assert_eq!(refusal(r#"{"query":"a","variables":null,"variables":{}}"#), BodyError::Repeated("variables"));
    assert_eq!(from_query_string("query=a&query=b").unwrap_err(), BodyError::Repeated("query"));
}

#[test]
fn anything_but_an_object_is_refused() {
    for body in ["1", "null", "\"{a}\""] {
        assert_eq!(refusal(body), BodyError::NotAnObject, "{body}");
    }
    for body in ["", "{", "{ \"not a JSON", "{\"query\":\"a\"} x", "{\"query\":\"a\",}", "{'query':'a'}"] {
        assert!(matches!(refusal(body), BodyError::NotJson { .. }), "{body}");
    }
    assert!(matches!(from_json(b"{\"query\":\"\xff\"}").unwrap_err(), BodyError::NotJson { .. }));
    let deep = format!(r#"{{"query":"a","variables":{{"a":{}"#, "[".repeat(100_000));
    assert!(matches!(refusal(&deep), BodyError::NotJson { .. }));
}

#[test]
fn a_list_is_a_batch() {
    let Sent::Batch(requests) = from_json(br#" [{"query":"a"}, {"query":"b","operationName":"B"}] "#).unwrap() else {
        panic!("one request");
    };
    let queries: Vec<_> = requests.iter().map(|request| request.query.as_deref()).collect();
    assert_eq!(queries, [Some("a"), Some("b")]);
    let of = |n: usize| format!("[{}]", vec![r#"{"query":"a"}"#; n].join(","));
    assert!(matches!(from_json(of(20).as_bytes()), Ok(Sent::Batch(requests)) if requests.len() == 20));
    assert_eq!(refusal(&of(21)), BodyError::BatchSize);
    assert_eq!(refusal("[]"), BodyError::BatchSize);
    for (body, index, inner) in [
        (r#"[{"query":"a"},{}]"#, 1, Parameter::Query.wrong_type()),
        (r#"[{"query":"a"},{"query":"b","variables":1}]"#, 1, Parameter::Variables.wrong_type()),
        ("[1]", 0, BodyError::NotAnObject),
        (r#"[{"query":"a"},[{"query":"b"}]]"#, 1, BodyError::NotAnObject),
        (r#"[{"query":"a","query":"a"}]"#, 0, BodyError::Repeated("query")),
    ] {
        assert_eq!(refusal(body), BodyError::InBatch { index, error: Box::new(inner) }, "{body}");
    }
    assert!(matches!(refusal(r#"[{"query":"a"}"#), BodyError::NotJson { .. }));
    assert_eq!(
        refusal(r#"[{"query":"a"},{}]"#).to_string(),
        "Request 2 of the batch: The parameter \"query\" must be a string."
    );
}

#[test]
fn a_document_can_be_named() {
    let hash = "ABCDEF0123456789".repeat(4);
    let sha256 = Some(DocumentId::Sha256(hash.to_lowercase()));
    let extensions = format!(r#"{{"persistedQuery":{{"version":1,"sha256Hash":"{hash}"}},"clientLibrary":{{}}}}"#);
    let request = one(format!(r#"{{"extensions":{extensions}}}"#).as_bytes());
    assert_eq!((request.query, &request.document_id), (None, &sha256));
    let request = one(format!(r#"{{"documentId":"x","extensions":{extensions},"query":"a"}}"#).as_bytes());
    assert_eq!((request.query.as_deref(), &request.document_id), (Some("a"), &sha256));
    let request = one(br#"{"documentId":"abc","extensions":null}"#);
    assert_eq!(request.document_id, Some(DocumentId::Named("abc".to_owned())));
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("extensions", &extensions).finish();
    assert_eq!(from_query_string(&query).unwrap().document_id, sha256);
    assert_eq!(refusal(r#"{"documentId":1}"#).parameter(), Some("documentId"));
    assert_eq!(refusal(r#"{"documentId":null}"#).parameter(), Some("query"));
    for wrong in [
        "1",
        "[]",
        "{}",
        r#"{"version":2,"sha256Hash":"00"}"#,
        r#"{"version":1,"sha256Hash":"00"}"#,
        r#"{"version":1}"#,
    ] {
        let body = format!(r#"{{"query":"a","extensions":{{"persistedQuery":{wrong}}}}}"#);
        assert_eq!(refusal(&body).parameter(), Some("extensions"), "{body}");
    }
    assert_eq!(refusal(r#"{"query":"a","extensions":[null]}"#).parameter(), Some("extensions"));
}

#[test]
fn a_query_string_is_read() {
    let request =
        from_query_string("query=%7B+a+%7D&variables=%7B%22a%22%3A1%7D&operationName=Q&extensions=%7B%7D&x=1").unwrap();
    assert_eq!(request.query.as_deref(), Some("{ a }"));
    assert_eq!(request.operation_name.as_deref(), Some("Q"));
    assert_eq!(request.variables.to_string(), "{a: 1}");
    assert!(from_query_string("query=a&variables=&operationName=&extensions=null").is_ok());
    assert_eq!(from_query_string("").unwrap_err().parameter(), Some("query"));
    assert_eq!(from_query_string("query=a&variables=1").unwrap_err().parameter(), Some("variables"));
    assert_eq!(from_query_string("query=a&extensions=[]").unwrap_err().parameter(), Some("extensions"));
}
