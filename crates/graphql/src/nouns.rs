//! What the API of some nouns has beside what is declared: further fields, and which of them have the mutations that every
//! noun has.

use tenantry_domain::content_item::ContentItem;
use tenantry_domain::label::Label;
use tenantry_domain::personal_task::PersonalTask;
use tenantry_domain::transaction::Transaction;
use tenantry_domain::workspace::Workspace;

use crate::noun::{Mutations, NoMore, Shown};

/// Nouns with nothing but what is declared and the mutations that every noun has; what else creating one does, and whether several can
/// be written at once.
macro_rules! plain {
    ($($noun:ty = $note:literal $($many:ident)?;)+) => {$(
        impl Shown for $noun {
            type More = NoMore;

            fn mutations() -> Option<Mutations> {
                Some(Mutations::of::<Self>($note)$(.$many::<Self>())?)
            }
        }
    )+};
}

plain! {
    ContentItem = "";
    Label = "";
    PersonalTask = "";
    Transaction = "A payment or a refund of an invoice changes what is paid of it, in the same transaction of the database.";
    Workspace = "You get an `ADMIN` grant on it.";
}
