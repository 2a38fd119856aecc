//! The media types of a request's body and of its answer: the rules of GraphQL over HTTP, as functions of headers.

use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};

/// The media types of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/graphql-response+json`: the status tells whether the document was executed.
    GraphQlResponse,
    /// `application/json`: a well-formed request is answered with 200, even if its document is invalid.
    Json,
}

impl MediaType {
    /// The answer's `Content-Type`.
    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    const fn subtype(self) -> &'static str {
        match self {
            Self::GraphQlResponse => "graphql-response+json",
            Self::Json => "json",
        }
    }
}

/// The media type that the client prefers; `None` if it accepts none of ours.
///
/// Without `Accept`, or if only a wildcard matches, it is `application/json`, which every client understands.
pub(crate) fn answer_type(headers: &HeaderMap) -> Option<MediaType> {
    let mut ranges = Vec::new();
    for value in headers.get_all(ACCEPT) {
        // A header that is not text names none of our types.
        let Ok(value) = value.to_str() else { continue };
        ranges.extend(value.split(',').filter_map(Range::parse));
    }
    if ranges.is_empty() {
        // An empty header counts as absent (RFC 9110 section 12.5.1).
        let absent = headers.get_all(ACCEPT).iter().all(|value| value.as_bytes().trim_ascii().is_empty());
        return absent.then_some(MediaType::Json);
    }
    let preference = |media_type: MediaType| {
        // The most specific range decides (RFC 9110 section 12.5.1); among equally specific ones, the highest quality.
        let matching = ranges.iter().filter_map(|range| Some((range.specificity(media_type)?, range.quality)));
        matching.max().unwrap_or((Specificity::Any, 0))
    };
    let (graphql, json) = (preference(MediaType::GraphQlResponse), preference(MediaType::Json));
    match (graphql.1, json.1) {
        (0, 0) => None,
        (graphql_quality, json_quality) if graphql_quality > json_quality => Some(MediaType::GraphQlResponse),
        // A client that names the newer type can handle it.
        (graphql_quality, json_quality) if graphql_quality == json_quality && graphql.0 == Specificity::Exact => {
            Some(MediaType::GraphQlResponse)
        }
        _ => Some(MediaType::Json),
    }
}

/// How specific a range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Any,
    Type,
    Exact,
}

/// One range of an `Accept` header.
struct Range<'a> {
    main: &'a str,
    sub: &'a str,
    /// In thousandths, because the header has at most three decimal places.
    quality: u16,
}

impl<'a> Range<'a> {
    /// A malformed range is skipped.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';');
        let (main, sub) = parts.next()?.trim().split_once('/')?;
        let mut quality = 1000;
        for parameter in parts {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            if name.trim().eq_ignore_ascii_case("q") {
                quality = thousandths(value.trim())?;
            }
        }
        Some(Self { main, sub, quality })
    }

    fn specificity(&self, media_type: MediaType) -> Option<Specificity> {
        match (self.main, self.sub) {
            ("*", "*") => Some(Specificity::Any),
            (main, "*") if main.eq_ignore_ascii_case("application") => Some(Specificity::Type),
            (main, sub)
                if main.eq_ignore_ascii_case("application") && sub.eq_ignore_ascii_case(media_type.subtype()) =>
            {
                Some(Specificity::Exact)
            }
            _ => None,
        }
    }
}

/// `0.8` as 800; `None` if it is not a quality between 0 and 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// Whether the body is uncompressed JSON in UTF-8, the only kind that is accepted.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return false;
    }
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';');
    let essence = parts.next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
                let charset = charset.trim().trim_matches('"');
                charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(values: &[&'static str]) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        answer_type(&headers)
    }

    #[test]
    fn the_preferred_type_wins() {
        use MediaType::{GraphQlResponse, Json};
        let cases: &[(&[&'static str], Option<MediaType>)] = &[
            (&[], Some(Json)),
            (&[""], Some(Json)),
            (&["*/*"], Some(Json)),
            (&["application/*"], Some(Json)),
            (&["application/json"], Some(Json)),
            (&["APPLICATION/JSON; charset=UTF-8"], Some(Json)),
            (&["application/graphql-response+json"], Some(GraphQlResponse)),
            (&["application/graphql-response+json, application/json"], Some(GraphQlResponse)),
            (&["application/json", "application/graphql-response+json"], Some(GraphQlResponse)),
            (&["application/json, application/graphql-response+json;q=0.9"], Some(Json)),
            (&["application/json;q=0.5, application/graphql-response+json;q=0.501"], Some(GraphQlResponse)),
            (&["application/json;q=0, */*"], Some(GraphQlResponse)),
            (&["text/html, application/xhtml+xml, */*;q=0.8"], Some(Json)),
            (&["text/html"], None),
            (&["application/json;q=0"], None),
            (&["*/*;q=0"], None),
            (&["nonsense"], None),
            (&["application/json;q=2"], None),
            (&["application/json;q=0.1234"], None),
        ];
        for (values, expected) in cases {
            assert_eq!(accept(values), *expected, "{values:?}");
        }
    }

    fn content(pairs: &[(axum::http::HeaderName, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        is_json(&headers)
    }

    #[test]
    fn only_json_in_utf8_is_read() {
        for good in ["application/json", "Application/JSON;charset=utf-8", "application/json; charset=\"UTF-8\""] {
            assert!(content(&[(CONTENT_TYPE, good)]), "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/graphql",
            "application/json; charset=utf-16",
            "application/json, text/plain",
            "application/jsonp",
            "",
        ] {
            assert!(!content(&[(CONTENT_TYPE, bad)]), "{bad}");
        }
        assert!(!content(&[]));
        assert!(!content(&[(CONTENT_TYPE, "application/json"), (CONTENT_TYPE, "application/json")]));
        assert!(!content(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")]));
    }
}
