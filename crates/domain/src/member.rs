//! Members: which users belong to an organization, and with which role.

use chrono::{DateTime, Utc};

use crate::id::{OrganizationId, UserId};
use crate::noun::Noun;
use crate::permission::Role;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// A user's membership of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.organization_members", placed = own, read = ReadMember, write = ManageMembers, by_hand)]
#[noun(from = "app.organization_members t JOIN auth.users u ON u.id = t.user_id", order_by = joined_at, ascending)]
pub struct Member {
    /// The member's id: the user's, so that a person has one id in the whole organization.
    pub id: UserId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The same as `id`.
    #[field(guests, once, as_id)]
    pub user_id: UserId,
    /// The user's role in the organization.
    #[field(guests, filter)]
    pub role: Role,
    /// The user who invited this one; none for the first owner, or when that user is gone.
    #[field(internal, computed)]
    pub invited_by: Option<UserId>,
    /// When the user joined.
    #[field(guests, computed, sort = "By the time of joining.")]
    pub joined_at: DateTime<Utc>,
    /// The user's name.
    #[field(guests, computed, column = "u.name")]
    pub name: String,
    /// The user's e-mail address; null if you are a guest and it is not your own.
    #[field(guests, computed, column = "u.email", needs(user_id))]
    pub email: Option<String>,
    /// The address of the user's picture.
    #[field(guests, computed, column = "u.avatar_url")]
    pub avatar_url: Option<String>,
    /// When the row was made.
    #[field(internal)]
    pub created_at: DateTime<Utc>,
    /// When the membership last changed.
    pub updated_at: DateTime<Utc>,
}

/// The input for adding a member: a user who already has an account, and their role.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The user's e-mail address, in upper or lower case.
    pub email: String,
    /// The user's role; member by default.
    pub role: Option<Role>,
}

impl NewMember {
    /// The validated input with trimmed texts.
    ///
    /// # Errors
    /// All fields that are out of bounds.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let Some(email) = v.optional_email("email", Some(&self.email)) else {
            v.push(FieldError::new(FieldErrorCode::Required, "email", "This must not be blank."));
            return Err(v);
        };
        let valid = Self { email, role: self.role };
        v.into_result().map(|()| valid)
    }
}

/// Why a membership cannot change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MembershipRefused {
    /// The actor ranks below the member or below the new role.
    #[error("you cannot give a role above your own, or change a member who ranks above you")]
    AboveOneself,
    /// The organization would have no owner.
    #[error("an organization must keep at least one owner")]
    LastOwner,
}

/// Whether the actor may add a member with this role: you cannot give a role above your own.
/// [`decide`](crate::permission::decide) says whether the actor may manage members at all.
pub fn may_add(actor: Role, role: Role) -> bool {
    actor.at_least(role)
}

/// Whether the actor may change a member's role. `owners` is the current number of owners.
///
/// # Errors
/// [`MembershipRefused::AboveOneself`] when the member ranks higher than the actor, or would;
/// [`MembershipRefused::LastOwner`] when no owner would be left.
pub fn may_change_role(actor: Role, target: Role, new: Role, owners: usize) -> Result<(), MembershipRefused> {
    if !actor.at_least(target) || !actor.at_least(new) {
        return Err(MembershipRefused::AboveOneself);
    }
    keeps_an_owner(target, Some(new), owners)
}

/// Whether the actor may end another's membership, or their own, which is leaving. `owners` is the current number of
/// owners.
///
/// # Errors
/// As [`may_change_role`].
pub fn may_remove(actor: Role, target: Role, owners: usize) -> Result<(), MembershipRefused> {
    if !actor.at_least(target) {
        return Err(MembershipRefused::AboveOneself);
    }
    keeps_an_owner(target, None, owners)
}

fn keeps_an_owner(before: Role, after: Option<Role>, owners: usize) -> Result<(), MembershipRefused> {
    let loses_one = before == Role::Owner && after != Some(Role::Owner);
    if loses_one && owners <= 1 { Err(MembershipRefused::LastOwner) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn role() -> impl Strategy<Value = Role> {
        select(Role::ALL)
    }

    proptest! {
        /// Any sequence of allowed changes, by anyone to anyone, leaves an owner, and never gives a role above the
        /// actor's own.
        #[test]
        fn an_organization_always_keeps_an_owner(
            mut rest in proptest::collection::vec(role(), 0..6),
            changes in proptest::collection::vec((0_usize..7, 0_usize..7, proptest::option::of(role())), 0..40),
        ) {
            let mut members = vec![Role::Owner];
            members.append(&mut rest);
            for (actor, target, new) in changes {
                let (actor, target) = (actor % members.len(), target % members.len());
                let owners = members.iter().filter(|role| **role == Role::Owner).count();
                let (by, before) = (members[actor], members[target]);
                match new {
                    Some(new) => if may_change_role(by, before, new, owners).is_ok() {
                        prop_assert!(by <= before && by <= new);
                        members[target] = new;
                    },
                    None => if may_remove(by, before, owners).is_ok() {
                        prop_assert!(by <= before);
                        members.remove(target);
                    },
                }
                prop_assert!(members.contains(&Role::Owner));
            }
        }

        #[test]
        fn an_owner_may_do_anything_while_there_is_another(target in role(), new in role(), owners in 2_usize..9) {
            prop_assert!(may_change_role(Role::Owner, target, new, owners).is_ok());
            prop_assert!(may_remove(Role::Owner, target, owners).is_ok());
            prop_assert!(may_add(Role::Owner, new));
        }

        #[test]
        fn an_admin_can_neither_create_nor_change_an_owner(other in role(), owners in 1_usize..9) {
            let refused = Err(MembershipRefused::AboveOneself);
            prop_assert_eq!(may_change_role(Role::Admin, Role::Owner, other, owners), refused);
            prop_assert_eq!(may_change_role(Role::Admin, other, Role::Owner, owners), refused);
            prop_assert_eq!(may_remove(Role::Admin, Role::Owner, owners), refused);
            prop_assert!(!may_add(Role::Admin, Role::Owner));
        }
    }

    #[test]
    fn the_last_owner_stays_an_owner() {
        let refused = Err(MembershipRefused::LastOwner);
        assert_eq!(may_remove(Role::Owner, Role::Owner, 1), refused);
        for new in Role::ALL.iter().filter(|role| **role != Role::Owner) {
            assert_eq!(may_change_role(Role::Owner, Role::Owner, *new, 1), refused);
        }
        assert_eq!(may_change_role(Role::Owner, Role::Owner, Role::Owner, 1), Ok(()));
    }

    #[test]
    fn an_address_is_checked_and_trimmed() {
        let new = |email: &str| NewMember { email: email.to_owned(), role: None }.validated();
        assert_eq!(new(" Ada@Example.com ").map(|new| new.email), Ok("Ada@Example.com".to_owned()));
        assert_eq!(new("mar\u{212a}@x.test").map(|new| new.email), Ok("mar\u{212a}@x.test".to_owned()), "no k");
        assert_eq!(new("  ").unwrap_err().0[0].code, FieldErrorCode::Required);
        assert_eq!(new("ada").unwrap_err().0[0].code, FieldErrorCode::Invalid);
    }
}
