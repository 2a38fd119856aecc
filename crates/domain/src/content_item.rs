//! Content items: what is to be written, filmed or posted, and when.

use chrono::{DateTime, Utc};

use crate::client::Client;
use crate::id::{ClientId, ContentItemId, OrganizationId, ProjectId};
use crate::noun::Noun;
use crate::project::Project;
use crate::text_enum::text_enum;

text_enum! {
    /// The kind of a content item.
    ContentKind {
        /// An article or a blog post.
        Article = "article",
        /// A post on a social network.
        Post = "post",
        /// A video.
        Video = "video",
        /// A newsletter.
        Newsletter = "newsletter",
        /// Anything else.
        Other = "other",
    }
}

text_enum! {
    /// The state of a content item.
    ContentStatus {
        /// Not begun.
        Idea = "idea",
        /// Being made.
        Draft = "draft",
        /// Ready, and planned for a time.
        Scheduled = "scheduled",
        /// Published.
        Published = "published",
        /// No longer in use, but kept.
        Archived = "archived",
    }
}

/// Something to publish, for a client or the organization itself.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.content_items", placed = in_project(project_id), read = ReadProject, write = WriteProject)]
#[noun(archived(status = Archived))]
pub struct ContentItem {
    /// The content item's id.
    pub id: ContentItemId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The client it is for.
    #[field(
        guests,
        filter,
        link(
            Client,
            unlink,
            list = "contentItems",
            doc = "The content for the client; the newest first unless ordered otherwise."
        )
    )]
    pub client_id: Option<ClientId>,
    /// The project it belongs to. Without one, everybody but guests sees it.
    #[field(
        guests,
        filter,
        link(
            Project,
            unlink,
            list = "contentItems",
            doc = "The content of the project; the newest first unless ordered otherwise."
        )
    )]
    pub project_id: Option<ProjectId>,
    /// The title.
    #[field(text(300), guests)]
    pub title: String,
    /// The kind of content.
    #[field(guests, default = Other, filter)]
    pub kind: ContentKind,
    /// The state of the content.
    #[field(guests, default = Idea, filter)]
    pub status: ContentStatus,
    /// The address where it is published.
    #[field(url, guests)]
    pub url: Option<String>,
    /// The time at which it is to be published.
    #[field(
        guests,
        filter = "scheduled",
        sort = "By the time at which they are to be published; those without one come last."
    )]
    pub scheduled_for: Option<DateTime<Utc>>,
    /// The time at which it was published.
    #[field(guests, filter)]
    pub published_at: Option<DateTime<Utc>>,
    /// Free text about the content item.
    #[field(prose(20_000))]
    pub notes: Option<String>,
    /// When the content item was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the content item last changed.
    pub updated_at: DateTime<Utc>,
}
