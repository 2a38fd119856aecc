//! Organizations: the tenants.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::change::Change;
use crate::id::OrganizationId;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// A tenant: it owns every row of its graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The organization's id.
    pub id: OrganizationId,
    /// The organization's name.
    pub name: String,
    /// Unique, lower case, for addresses.
    pub slug: String,
    /// The organization's picture.
    pub logo_url: Option<String>,
    /// The IANA time zone that "today" means here. See [`local_date`] for one that is not known.
    pub time_zone: String,
    /// When its deletion was asked for.
    pub deletion_requested_at: Option<DateTime<Utc>>,
    /// When it will be deleted, unless that is cancelled before.
    pub deletion_due_at: Option<DateTime<Utc>>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a new organization is made from.
#[derive(Debug, Clone, Default)]
pub struct NewOrganization {
    /// Required; 1 to 200 characters.
    pub name: String,
    /// 1 to 63 lower-case letters, digits and single hyphens.
    pub slug: String,
    /// An http(s) address.
    pub logo_url: Option<String>,
}

/// What an update does to an organization.
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

/// How long after it was asked for an organization is deleted.
pub const DELETION_DELAY: Duration = Duration::days(30);

/// What an organization's default workspace is called at first.
pub const DEFAULT_WORKSPACE: &str = "General";

/// When an organization's deletion was asked for, and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it is due.
    pub due_at: DateTime<Utc>,
}

/// Why a deletion cannot be scheduled or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeletionRefused {
    /// It has been asked for already.
    #[error("the organization is to be deleted already")]
    Scheduled(Deletion),
    /// It has not been asked for.
    #[error("the organization is not to be deleted")]
    NotScheduled,
}

impl Organization {
    /// The deletion that was asked for, if one was.
    pub fn deletion(&self) -> Option<Deletion> {
        let (requested_at, due_at) = (self.deletion_requested_at?, self.deletion_due_at?);
        Some(Deletion { requested_at, due_at })
    }

    /// The deletion that is asked for now.
    ///
    /// # Errors
    /// [`DeletionRefused::Scheduled`] when one was asked for before: asking again does not put it off.
    pub fn schedule_deletion(&self, now: DateTime<Utc>) -> Result<Deletion, DeletionRefused> {
        match self.deletion() {
            Some(deletion) => Err(DeletionRefused::Scheduled(deletion)),
            None => Ok(Deletion { requested_at: now, due_at: now + DELETION_DELAY }),
        }
    }

    /// Whether there is a deletion to be cancelled. Until it is carried out there always is, also after it was due.
    ///
    /// # Errors
    /// [`DeletionRefused::NotScheduled`].
    pub fn cancel_deletion(&self) -> Result<(), DeletionRefused> {
        self.deletion().map(drop).ok_or(DeletionRefused::NotScheduled)
    }
}

impl NewOrganization {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
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
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
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

/// Whether there is an IANA time zone of exactly this name. The list is compiled in, and nothing else is asked about a time
/// zone: what is accepted here is served by every process of this version, whatever the database's own list holds.
pub fn is_time_zone(name: &str) -> bool {
    name.parse::<Tz>().is_ok()
}

/// The names that [`is_time_zone`] accepts.
pub fn time_zones() -> impl Iterator<Item = &'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
}

/// The date in a time zone at this time. A zone that is not known counts as UTC: it may have been written by something that
/// knew more zones, and nobody could set it right if it were an error.
pub fn local_date(zone: &str, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone.parse().unwrap_or(Tz::UTC)).date_naive()
}

/// Whether a text can stand in an address as the organization's name.
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
    fn a_day_is_that_of_the_time_zone_and_of_utc_where_that_is_not_known() {
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
    fn a_time_zone_is_an_iana_name_and_nothing_like_it() {
        for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+3"] {
            assert!(is_time_zone(zone), "{zone}");
        }
        for zone in
            ["", "Mars/Olympus", "europe/berlin", "EST9", "UTC+3", "posixrules", "posix/UTC", "localtime", "Factory"]
        {
            assert!(!is_time_zone(zone), "{zone}");
        }
        // They stand in a list of PostgreSQL's, and a column holds no more.
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
