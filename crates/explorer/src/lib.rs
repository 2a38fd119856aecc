//! The files of the explorer: a page in which people try queries.
//!
//! It is `GraphiQL`, built from `web` by `scripts/build-explorer`; the built files in `dist` are committed, so that building the
//! server needs no Node. They load nothing from another origin.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dist"]
struct Files;

/// A file, as it is served.
#[derive(Debug, Clone)]
pub struct File {
    /// Its content.
    pub content: Cow<'static, [u8]>,
    /// Its media type.
    pub media_type: &'static str,
    /// Whether its name changes with its content, so that it may be cached for ever.
    pub is_immutable: bool,
}

/// The page itself.
pub const PAGE: &str = "index.html";

/// The file at this path, such as `assets/index.js`, without a slash at its start.
pub fn file(path: &str) -> Option<File> {
    let content = Files::get(path)?.data;
    let media_type = match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "ttf" => "font/ttf",
        "svg" => "image/svg+xml",
        "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    Some(File { content, media_type, is_immutable: path.starts_with("assets/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_only_what_is_here() {
        let page = file(PAGE).expect("the page is built");
        let page = String::from_utf8(page.content.into_owned()).expect("it is text");
        let loaded: Vec<&str> =
            page.split(['"', '\'']).filter(|text| text.contains("/assets/") || text.contains("://")).collect();
        assert!(loaded.len() >= 2, "{page}");
        for address in loaded {
            let path = address.strip_prefix("/explorer/").unwrap_or_else(|| panic!("{address} is elsewhere"));
            assert!(file(path).is_some_and(|file| file.is_immutable), "{path}");
        }
        assert!(!page.contains("<script>"), "no script in the page itself, which its policy would refuse");
    }

    #[test]
    fn every_file_has_a_type() {
        for path in Files::iter() {
            let file = file(&path).unwrap_or_else(|| panic!("{path}"));
            assert_ne!(file.media_type, "application/octet-stream", "{path}");
        }
        assert!(file("../Cargo.toml").is_none() && file("").is_none() && file("assets").is_none());
    }
}
