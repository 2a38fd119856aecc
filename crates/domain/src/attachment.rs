//! Files on tasks. The rows say what they are; their bytes are in the storage of files.

use chrono::{DateTime, Utc};

use crate::id::{AttachmentId, OrganizationId, TaskId, UploadId, UserId};
use crate::member::Member;
use crate::noun::Noun;
use crate::task::Task;
use crate::text::is_invisible;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// A file on a task.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.attachments", placed = in_task(task_id), read = ReadTask, write = WriteTask)]
#[noun(ascending, check)]
pub struct Attachment {
    /// The attachment's id.
    pub id: AttachmentId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The task it is on.
    #[field(guests, once, filter)]
    #[field(link(
        Task,
        cascade,
        list = "attachments",
        doc = "The files on it; the oldest first unless ordered otherwise."
    ))]
    pub task_id: TaskId,
    /// The member who sent it; null if the member has left.
    #[field(guests, author, link(Member, keep, key = "user_id", relation = "uploadedBy"))]
    pub uploaded_by: Option<UserId>,
    /// The name under which it is saved. It has no folders.
    #[field(text(255), guests, searched(4))]
    pub file_name: String,
    /// Its size, in bytes.
    #[field(guests, once)]
    pub byte_size: i32,
    /// Its media type, such as `image/png`.
    #[field(text(127), guests, once, filter)]
    pub mime_type: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    #[field(text(64), guests, once)]
    pub checksum: String,
    /// Where its bytes are in the storage of files.
    #[field(text(200), internal, once, unique)]
    pub storage_key: String,
    /// When the attachment was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the attachment last changed.
    pub updated_at: DateTime<Utc>,
}

impl Attachment {
    fn check(&self, v: &mut Violations) {
        check_name(v, &self.file_name);
    }
}

/// The longest media type (RFC 6838, section 4.2).
const MAX_MIME_TYPE: usize = 127;

/// A file that is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// The task that it will be on.
    pub task_id: TaskId,
    /// Its name.
    pub file_name: String,
    /// How many bytes it has.
    pub byte_size: i32,
    /// Its media type.
    pub mime_type: String,
    /// Its SHA-256 in hexadecimal digits, if the client knows it.
    pub checksum: Option<String>,
}

impl NewUpload {
    /// The same as it is stored; `max` is the most bytes that a file may have.
    ///
    /// # Errors
    /// All fields that are out of bounds.
    pub fn checked(self, max: i32) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let file_name = v.required_text("fileName", &self.file_name, 255);
        check_name(&mut v, &file_name);
        if !(1..=max).contains(&self.byte_size) {
            let message = format!("A file has from 1 to {max} bytes.");
            v.push(FieldError::new(FieldErrorCode::OutOfRange, "byteSize", message));
        }
        let mime_type = self.mime_type.trim().to_ascii_lowercase();
        if mime_type.is_empty() {
            let message = "Give a media type; application/octet-stream if there is no better one.";
            v.push(FieldError::new(FieldErrorCode::Required, "mimeType", message));
        } else if !is_mime_type(&mime_type) {
            let message = "This is not a media type such as image/png.";
            v.push(FieldError::new(FieldErrorCode::Invalid, "mimeType", message));
        }
        let checksum = self.checksum.map(|text| text.to_ascii_lowercase());
        if checksum.as_deref().is_some_and(|text| !is_sha256(text)) {
            let message = "This is not a SHA-256 in 64 hexadecimal digits.";
            v.push(FieldError::new(FieldErrorCode::Invalid, "checksum", message));
        }
        v.into_result()?;
        Ok(Self { file_name, mime_type, checksum, ..self })
    }
}

/// A file that was announced, and has not become an attachment yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id; the attachment has the same UUID.
    pub id: UploadId,
    /// What was announced.
    pub announced: NewUpload,
    /// Until when it can become an attachment.
    pub expires_at: DateTime<Utc>,
}

/// A name names no folder, and nothing in it hides how it ends.
fn check_name(v: &mut Violations, name: &str) {
    // Emoji, Persian and Hindi are spelled with these.
    let joins = |c: char| matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0F}');
    let is_bad = |c: char| matches!(c, '/' | '\\') || c.is_control() || is_invisible(c) && !joins(c);
    if name == "." || name == ".." || name.contains(is_bad) {
        let message = "A file name has no slashes, no control characters and no invisible ones.";
        v.push(FieldError::new(FieldErrorCode::Invalid, "fileName", message));
    }
}

/// A type and a subtype, without parameters (RFC 6838, section 4.2).
fn is_mime_type(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    text.len() <= MAX_MIME_TYPE && text.split_once('/').is_some_and(|(kind, sub)| is_name(kind) && is_name(sub))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn upload() -> NewUpload {
        NewUpload {
            task_id: TaskId::from_uuid(Uuid::nil()),
            file_name: " Q3 report.PDF ".to_owned(),
            byte_size: 100,
            mime_type: "Application/PDF".to_owned(),
            checksum: Some("AB".repeat(32)),
        }
    }

    #[test]
    fn an_upload_is_checked_field_by_field() {
        let checked = upload().checked(100).unwrap();
        assert_eq!((checked.file_name.as_str(), checked.mime_type.as_str()), ("Q3 report.PDF", "application/pdf"));
        assert_eq!(checked.checksum, Some("ab".repeat(32)));

        let wrong = NewUpload {
            file_name: "../etc/passwd".to_owned(),
            byte_size: 101,
            mime_type: "pdf".to_owned(),
            checksum: Some("x".repeat(64)),
            ..upload()
        };
        let faults = wrong.checked(100).unwrap_err().0;
        let fields: Vec<_> = faults.iter().map(|fault| fault.field[0].as_str()).collect();
        assert_eq!(fields, ["fileName", "byteSize", "mimeType", "checksum"]);
    }

    #[test]
    fn a_name_does_not_hide_what_it_is() {
        for bad in ["a/b", "a\\b", "..", ".", "invoice\u{202E}fdp.exe", "a\u{200B}b", "a\u{7}b"] {
            let named = NewUpload { file_name: bad.to_owned(), ..upload() };
            assert!(named.checked(100).is_err(), "{bad:?}");
        }
        for good in [
            ".gitignore",
            "a..b",
            "Zoë & Söhne – Angebot (2).pdf",
            "見積書.xlsx",
            "naïve?.txt",
            "\u{2764}\u{FE0F}.png",
            "می\u{200C}خواهم.pdf",
        ] {
            let named = NewUpload { file_name: good.to_owned(), ..upload() };
            assert_eq!(named.checked(100).unwrap().file_name, good);
        }
    }

    #[test]
    fn a_media_type_has_two_names() {
        for good in ["image/png", "application/vnd.oasis.opendocument.text", "image/svg+xml", "x/y"] {
            assert!(is_mime_type(good), "{good}");
        }
        for bad in ["png", "/png", "image/", "image/png; charset=x", "image//png", "a b/c", "image/png\r\nx: y"] {
            assert!(!is_mime_type(bad), "{bad}");
        }
    }
}
