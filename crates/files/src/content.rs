//! Whether bytes are of the type that they are said to be.

/// How many bytes at the beginning are looked at.
pub(crate) const LOOKED_AT: usize = 8 * 1024;

/// What may be anything.
const ANYTHING: &str = "application/octet-stream";

/// Whether bytes that begin so are of this type; else the type that they have, if it is known.
///
/// A type without a signature that is known here is believed, unless the bytes are a program. A text is one if it reads as one: texts have no
/// signatures, and some begin like other things.
pub(crate) fn check(head: &[u8], declared: &str) -> Result<(), Option<&'static str>> {
    // Parameters such as a charset are no part of the type.
    let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if declared == ANYTHING {
        return Ok(());
    }
    // What is known to be something, and not what, is not known.
    let found = infer::get(head).map(|found| found.mime_type()).filter(|found| *found != ANYTHING);
    let expected = family(&declared);
    let is_right = match found {
        _ if expected == TEXT && is_text(head) => true,
        Some(found) if family(found) == expected => true,
        // Illustrator's files are called PostScript, and are PDF.
        Some("application/pdf") if expected == "application/postscript" => true,
        _ if has_signature(&declared, expected) => false,
        Some(found) if expected == TEXT || PROGRAMS.contains(&found) => false,
        _ => true,
    };
    if is_right { Ok(()) } else { Err(found) }
}

/// Whether this is the beginning of a text in UTF-8.
fn is_text(head: &[u8]) -> bool {
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        // It was cut off in a character.
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !head.contains(&0)
}

/// What a system may run.
const PROGRAMS: [&str; 7] = [
    "application/vnd.microsoft.portable-executable",
    "application/x-executable",
    "application/x-mach-binary",
    "application/vnd.android.dex",
    "application/java",
    "application/wasm",
    "application/x-llvm",
];

/// The family of all texts.
const TEXT: &str = "text";

/// Types that share a signature, or that are written in more than one way, under one name; all others under their own.
fn family(mime: &str) -> &str {
    match mime {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "image/x-icon" | "image/ico" => "image/vnd.microsoft.icon",
        "image/x-ms-bmp" | "image/x-bmp" => "image/bmp",
        "image/heic" | "image/heic-sequence" | "image/heif-sequence" => "image/heif",
        "image/x-photoshop" | "application/x-photoshop" | "application/photoshop" => "image/vnd.adobe.photoshop",
        "image/x-dwg" | "application/acad" => "image/vnd.dwg",
        // One container, whose first brand often says little.
        "video/mp4" | "video/x-m4v" | "video/quicktime" | "audio/m4a" | "audio/mp4" | "audio/x-m4a" | "video/3gpp" => {
            "video/mp4"
        }
        "video/x-matroska" | "video/webm" | "audio/webm" | "audio/x-matroska" => "video/x-matroska",
        "video/ogg" | "audio/ogg" | "audio/opus" | "application/ogg" => "audio/ogg",
        "audio/mp3" | "audio/x-mpeg" | "audio/mpeg3" => "audio/mpeg",
        "audio/wav" | "audio/wave" | "audio/vnd.wave" => "audio/x-wav",
        "audio/flac" => "audio/x-flac",
        "audio/aiff" => "audio/x-aiff",
        "audio/x-midi" | "audio/mid" => "audio/midi",
        "audio/x-ms-wma" | "video/x-ms-asf" => "video/x-ms-wmv",
        "video/avi" | "video/msvideo" => "video/x-msvideo",
        "font/woff" | "font/woff2" | "application/font-woff2" => "application/font-woff",
        "font/ttf" | "font/otf" | "application/x-font-ttf" | "application/x-font-otf" => "application/font-sfnt",
        "application/x-gzip" => "application/gzip",
        "application/x-rar-compressed" | "application/x-rar" => "application/vnd.rar",
        "application/x-sqlite3" => "application/vnd.sqlite3",
        "application/x-pdf" => "application/pdf",
        "application/x-msdownload" | "application/x-dosexec" => "application/vnd.microsoft.portable-executable",
        "text/rtf" => "application/rtf",
        // Archives that are called something else.
        "application/x-zip-compressed"
        | "application/zip"
        | "application/java-archive"
        | "application/vnd.android.package-archive"
        | "application/vnd.google-earth.kmz"
        | "application/vnd.adobe.indesign-idml-package"
        | "image/openraster"
        | "model/3mf" => "application/zip",
        _ if mime.ends_with("+zip")
            || mime.starts_with("application/vnd.openxmlformats-officedocument.")
            || mime.starts_with("application/vnd.oasis.opendocument.")
            || mime.starts_with("application/vnd.sun.xml.")
            || (mime.starts_with("application/vnd.ms-") && mime.ends_with(".12"))
            || mime.starts_with("application/vnd.apple.") =>
        {
            "application/zip"
        }
        // Compound files of old offices.
        "application/x-ole-storage"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint"
        | "application/vnd.ms-outlook"
        | "application/vnd.visio"
        | "application/vnd.ms-project"
        | "application/x-msi" => "application/x-ole-storage",
        "application/json"
        | "application/xml"
        | "application/javascript"
        | "application/x-sh"
        | "application/sql"
        | "application/yaml"
        | "application/x-yaml"
        | "application/toml"
        | "application/x-httpd-php"
        | "application/graphql" => TEXT,
        _ if mime.starts_with("text/") || mime.ends_with("+xml") || mime.ends_with("+json") => TEXT,
        _ => mime,
    }
}

/// Whether files of this type begin in a known way.
fn has_signature(declared: &str, family: &str) -> bool {
    infer::is_mime_supported(declared) || infer::is_mime_supported(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const PDF: &[u8] = b"%PDF-1.7\n";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";
    const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";
    const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0";

    #[test]
    fn bytes_are_what_they_are_said_to_be() {
        for (bytes, mime) in [
            (PNG, "image/png"),
            (PNG, "application/octet-stream"),
            (PDF, "application/pdf"),
            (ZIP, "application/zip"),
            (ZIP, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            (OLE, "application/msword"),
            (b"<?xml version=\"1.0\"?><svg/>", "image/svg+xml"),
            (b"<!DOCTYPE html><p>", "text/html"),
            (b"#!/bin/sh\n", "text/plain"),
            (b"a,b\n1,2\n", "text/csv"),
            (b"a,b\n1,2\n", "TEXT/CSV; charset=utf-8"),
            (b"{}", "application/json"),
            (b"anything", "application/x-of-our-own"),
            (b"\xff\xd8\xff\xe0", "image/jpg"),
            (b"BC Hydro,1\n", "text/csv"),
            (b"MZ,1\n", "text/csv"),
            (b"# How a %PDF begins\n", "text/markdown"),
            (b"-----BEGIN PGP MESSAGE-----", "text/plain"),
            (b"<!DOCTYPE html><p>", "text/plain"),
            ("Zo\u{eb} \u{1f389}".as_bytes().split_last().unwrap().1, "text/plain"),
            (PDF, "application/postscript"),
            (ZIP, "application/vnd.google-earth.kmz"),
            (b"II*\0\x08\0\0\0", "image/x-adobe-dng"),
        ] {
            assert_eq!(check(bytes, mime), Ok(()), "{mime}");
        }
    }

    #[test]
    fn bytes_are_not_what_they_are_not_said_to_be() {
        for (bytes, mime, found) in [
            (PDF, "image/png", Some("application/pdf")),
            (b"hello".as_slice(), "image/png", None),
            (b"hello", "application/zip", None),
            (b"hello", "application/vnd.oasis.opendocument.text", None),
            (EXE, "image/jpeg", Some("application/vnd.microsoft.portable-executable")),
            (EXE, "text/plain", Some("application/vnd.microsoft.portable-executable")),
            (EXE, "application/x-of-our-own", Some("application/vnd.microsoft.portable-executable")),
            (b"<!DOCTYPE html><script>", "image/gif", Some("text/html")),
            (PNG, "text/csv", Some("image/png")),
            (b"", "application/pdf", None),
        ] {
            assert_eq!(check(bytes, mime), Err(found), "{mime}");
        }
    }
}
