//! Checks whether connected members still have their rights.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tenantry_domain::causes::causes;
use tenantry_domain::live::is_demoted;
use tenantry_domain::{Identity, Role};
use tenantry_store::{StoreError, live};
use tokio::sync::watch;
use tokio::time::Instant;

use super::hub::Hub;

/// How many members one statement looks up.
const AT_ONCE: usize = 2_000;

/// How long the check may fail before all members are disconnected.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long one statement may take. A dead connection may never report an error.
const LONGEST: Duration = Duration::from_secs(3);

/// What the last check has found out about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// There was no check yet.
    Unknown,
    /// A member with this role.
    Has(Role),
    /// Not a member, or banned.
    Gone,
}

/// A member who is being watched.
#[derive(Debug)]
pub(super) struct Watched {
    watchers: usize,
    /// Whether a watcher was added since the last check. The next check then notifies all watchers, even if nothing has changed.
    has_new: bool,
    standing: watch::Sender<Standing>,
}

/// Waits until a member loses rights. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    hub: Arc<Hub>,
    member: Identity,
    standing: watch::Receiver<Standing>,
}

impl Watch {
    pub(super) fn begin(hub: &Arc<Hub>, member: Identity) -> Self {
        let mut watched = hub.watched.lock();
        let of_member = watched.entry(member).or_insert_with(|| Watched {
            watchers: 0,
            has_new: true,
            standing: watch::Sender::new(Standing::Unknown),
        });
        of_member.watchers += 1;
        of_member.has_new = true;
        let standing = of_member.standing.subscribe();
        drop(watched);
        Self { hub: Arc::clone(hub), member, standing }
    }

    /// Waits until the member's role is lower than this one, or the member is removed or banned.
    pub async fn lost(&mut self, role: Role) {
        loop {
            if self.standing.changed().await.is_err() {
                return;
            }
            let now = match *self.standing.borrow_and_update() {
                Standing::Unknown => continue,
                Standing::Has(role) => Some(role),
                Standing::Gone => None,
            };
            if is_demoted(role, now) {
                return;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.hub.watched.lock();
        if let Entry::Occupied(mut entry) = watched.entry(self.member) {
            entry.get_mut().watchers -= 1;
            if entry.get().watchers == 0 {
                entry.remove();
            }
        }
    }
}

/// Checks the roles of all watched members at regular intervals.
pub(super) async fn check_forever(hub: Arc<Hub>) {
    let mut failing_since: Option<Instant> = None;
    loop {
        tokio::time::sleep(hub.options.check_every).await;
        let members: Vec<Identity> = hub.watched.lock().keys().copied().collect();
        let mut failed = None;
        for members in members.chunks(AT_ONCE) {
            let roles = tokio::time::timeout(LONGEST, live::roles(&hub.worker, members));
            match roles.await.unwrap_or(Err(StoreError::OutOfTime)) {
                Ok(roles) => {
                    note(&hub, members, |member| roles.get(member).map_or(Standing::Gone, |role| Standing::Has(*role)));
                }
                Err(error) => failed = Some(error),
            }
        }
        let Some(error) = failed else {
            failing_since = None;
            continue;
        };
        let since = *failing_since.get_or_insert_with(|| {
            tracing::warn!(error = causes(&error), "the memberships of subscribers cannot be checked");
            Instant::now()
        });
        if since.elapsed() >= PATIENCE {
            note(&hub, &members, |_| Standing::Gone);
        }
    }
}

fn note(hub: &Hub, members: &[Identity], standing: impl Fn(&Identity) -> Standing) {
    let mut watched = hub.watched.lock();
    for member in members {
        if let Some(watched) = watched.get_mut(member) {
            let (now, has_new) = (standing(member), std::mem::take(&mut watched.has_new));
            watched.standing.send_if_modified(|standing| std::mem::replace(standing, now) != now || has_new);
        }
    }
}
