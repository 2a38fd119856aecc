//! Organizations: the tenants.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::change::Change;
use crate::id::OrganizationId;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// A tenant. Every row of its graph belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The organization's id.
    pub id: OrganizationId,
    /// The organization's name.
    pub name: String,
    /// Unique, lower case, for use in URLs.
    pub slug: String,
    /// The organization's picture.
    pub logo_url: Option<String>,
    /// The IANA time zone that determines "today". See [`local_date`] for an unknown one.
    pub time_zone: String,
    /// When its deletion was requested.
    pub deletion_requested_at: Option<DateTime<Utc>>,
    /// When it will be deleted, unless that is cancelled before.
    pub deletion_due_at: Option<DateTime<Utc>>,
    /// When the row was created.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}

/// The input for creating an organization.
#[derive(Debug, Clone, Default)]
pub struct NewOrganization {
    /// Required; 1 to 200 characters.
    pub name: String,
    /// 1 to 63 lower-case letters, digits and single hyphens.
    pub slug: String,
    /// An http(s) address.
    pub logo_url: Option<String>,
}

/// The changes of an update to an organization.
#[derive(Debug, Clone, Default)]
pub struct OrganizationChanges {
    /// See [`NewOrganization::name`].
    pub name: Change<String>,
    /// See [`NewOrganization::slug`].
    pub slug: Change<String>,
    /// See [`NewOrganization::logo_url`].
    pub logo_url: Change<Option<String>>,
    /// The name of an IANA time zone, such as `Europe/Berlin`; see [`is_time_zone`].
    pub time_zone: Change<String>,
}

/// The delay between a deletion's request and the deletion.
pub const DELETION_DELAY: Duration = Duration::days(30);

/// The initial name of an organization's default workspace.
pub const DEFAULT_WORKSPACE: &str = "General";

/// When the deletion of an organization was requested, and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When it was requested.
    pub requested_at: DateTime<Utc>,
    /// When it is due.
    pub due_at: DateTime<Utc>,
}

/// Why a deletion cannot be scheduled or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeletionRefused {
    /// It has been requested already.
    #[error("the deletion is already scheduled")]
    Scheduled(Deletion),
    /// It has not been requested.
    #[error("no deletion is scheduled")]
    NotScheduled,
}

impl Organization {
    /// The requested deletion, if there is one.
    pub fn deletion(&self) -> Option<Deletion> {
        let (requested_at, due_at) = (self.deletion_requested_at?, self.deletion_due_at?);
        Some(Deletion { requested_at, due_at })
    }

    /// The deletion, if it is requested now.
    ///
    /// # Errors
    /// [`DeletionRefused::Scheduled`] when it was requested before: asking again does not postpone it.
    pub fn schedule_deletion(&self, now: DateTime<Utc>) -> Result<Deletion, DeletionRefused> {
        match self.deletion() {
            Some(deletion) => Err(DeletionRefused::Scheduled(deletion)),
            None => Ok(Deletion { requested_at: now, due_at: now + DELETION_DELAY }),
        }
    }

    /// Whether there is a deletion to cancel. It can be cancelled until it is carried out, even after its due time.
    ///
    /// # Errors
    /// [`DeletionRefused::NotScheduled`].
    pub fn cancel_deletion(&self) -> Result<(), DeletionRefused> {
        self.deletion().map(drop).ok_or(DeletionRefused::NotScheduled)
    }
}

impl NewOrganization {
    /// The validated input with trimmed texts.
    ///
    /// # Errors
    /// All fields that are out of bounds.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: v.required_text("name", &self.name, 200),
            slug: checked_slug(&mut v, &self.slug),
            logo_url: v.optional_url("logoUrl", self.logo_url.as_deref()),
        };
        v.into_result().map(|()| valid)
    }
}

impl OrganizationChanges {
    /// The validated input with trimmed texts.
    ///
    /// # Errors
    /// All fields that are out of bounds.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: self.name.map(|name| v.required_text("name", &name, 200)),
            slug: self.slug.map(|slug| checked_slug(&mut v, &slug)),
            logo_url: self.logo_url.map(|url| v.optional_url("logoUrl", url.as_deref())),
            time_zone: self.time_zone.map(|zone| checked_time_zone(&mut v, &zone)),
        };
        v.into_result().map(|()| valid)
    }
}

fn checked_slug(v: &mut Violations, slug: &str) -> String {
    let slug = slug.trim().to_owned();
    if !is_slug(&slug) {
        let message = "Use 1 to 63 lower-case letters, digits and single hyphens between them.";
        v.push(FieldError::new(FieldErrorCode::Invalid, "slug", message));
    }
    slug
}

fn checked_time_zone(v: &mut Violations, zone: &str) -> String {
    let zone = zone.trim().to_owned();
    if zone.is_empty() {
        v.push(FieldError::new(FieldErrorCode::Required, "timeZone", "This must not be blank."));
    } else if !is_time_zone(&zone) {
        let message = "This is not the name of a time zone, such as \"Europe/Berlin\".";
        v.push(FieldError::new(FieldErrorCode::Invalid, "timeZone", message));
    }
    zone
}

/// Whether there is an IANA time zone with exactly this name. The list is compiled in, and it is the only source: a
/// name accepted here works in every process of this version, whatever the database's own list contains.
pub fn is_time_zone(name: &str) -> bool {
    name.parse::<Tz>().is_ok()
}

/// The names that [`is_time_zone`] accepts.
pub fn time_zones() -> impl Iterator<Item = &'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
}

/// The date in a time zone at this time. An unknown zone counts as UTC: it may have been stored by a version that knew
/// more zones, and if it were an error, nobody could correct it.
pub fn local_date(zone: &str, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone.parse().unwrap_or(Tz::UTC)).date_naive()
}

/// Whether a text can be used in a URL as the organization's name.
pub fn is_slug(text: &str) -> bool {
    let parts_are_plain = text
        .split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    parts_are_plain && text.len() <= 63
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn organization(deletion: Option<Deletion>) -> Organization {
        let at = DateTime::UNIX_EPOCH;
        Organization {
            id: OrganizationId::from_uuid(Uuid::nil()),
            name: "Acme".to_owned(),
            slug: "acme".to_owned(),
            logo_url: None,
            time_zone: "UTC".to_owned(),
            deletion_requested_at: deletion.map(|deletion| deletion.requested_at),
            deletion_due_at: deletion.map(|deletion| deletion.due_at),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn slugs() {
        for slug in ["a", "acme", "acme-2", "1-2-3", &"a".repeat(63)] {
            assert!(is_slug(slug), "{slug}");
        }
        for slug in ["", "-", "Acme", "acme-", "-acme", "a--b", "a b", "a_b", "über", &"a".repeat(64)] {
            assert!(!is_slug(slug), "{slug}");
        }
    }

    #[test]
    fn a_date_is_in_the_time_zone_or_in_utc_if_the_zone_is_unknown() {
        let at: DateTime<Utc> = "2026-03-31T20:00:00Z".parse().unwrap();
        for (zone, day) in [
            ("UTC", "2026-03-31"),
            ("Asia/Tokyo", "2026-04-01"),
            ("America/New_York", "2026-03-31"),
            ("Mars/Olympus", "2026-03-31"),
            ("", "2026-03-31"),
        ] {
            assert_eq!(local_date(zone, at).to_string(), day, "{zone}");
        }
    }

    #[test]
    fn only_exact_iana_names_are_time_zones() {
        for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+3"] {
            assert!(is_time_zone(zone), "{zone}");
        }
        for zone in
            ["", "Mars/Olympus", "europe/berlin", "EST9", "UTC+3", "posixrules", "posix/UTC", "localtime", "Factory"]
        {
            assert!(!is_time_zone(zone), "{zone}");
        }
        // The names are passed to PostgreSQL as a list, and the column has a maximum length.
        assert!(
            time_zones().all(|zone| is_time_zone(zone) && zone.len() <= 64 && !zone.contains([',', '"', '\\', '\'']))
        );
        assert!(time_zones().count() > 400);
    }

    #[test]
    fn every_fault_of_an_organization_is_named() {
        let new = NewOrganization { name: " ".to_owned(), slug: "A".to_owned(), logo_url: Some("ftp://x".to_owned()) };
        let fields: Vec<_> = new.validated().unwrap_err().0.into_iter().map(|error| error.field.join(".")).collect();
        assert_eq!(fields, ["name", "slug", "logoUrl"]);
    }

    #[test]
    fn a_deletion_is_scheduled_once_and_can_be_cancelled() {
        let now = DateTime::UNIX_EPOCH + Duration::days(1);
        let deletion = organization(None).schedule_deletion(now).unwrap();
        assert_eq!(deletion.due_at - deletion.requested_at, DELETION_DELAY);
        let scheduled = organization(Some(deletion));
        let later = now + Duration::days(3);
        assert_eq!(scheduled.schedule_deletion(later), Err(DeletionRefused::Scheduled(deletion)));
        assert_eq!(scheduled.cancel_deletion(), Ok(()));
        assert_eq!(organization(None).cancel_deletion(), Err(DeletionRefused::NotScheduled));
    }
}
