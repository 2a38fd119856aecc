//! The nouns that are created, changed and deleted by nothing but the walk of `noun`. Those with rules of their own have a file.

use tenantry_domain::content_item::{ContentItem, ContentItemChanges, NewContentItem};
use tenantry_domain::label::{Label, LabelChanges, NewLabel};
use tenantry_domain::personal_task::{NewPersonalTask, PersonalTask, PersonalTaskChanges};

/// Nouns, each with what a new row is made from and what an update does.
macro_rules! plain {
    ($($noun:ty = $new:ty, $changes:ty;)*) => {$(
        impl crate::noun::Served for $noun {
            type New = $new;
            type Changes = $changes;
        }
    )*};
}

plain! {
    ContentItem = NewContentItem, ContentItemChanges;
    Label = NewLabel, LabelChanges;
    PersonalTask = NewPersonalTask, PersonalTaskChanges;
}
