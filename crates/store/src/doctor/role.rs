//! The role of a connection, and whether it may serve.

/// The role of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFacts {
    /// Its name.
    pub name: String,
    /// Superusers are subject to no policy.
    pub superuser: bool,
    /// A role with this attribute is subject to no policy.
    pub bypasses_rls: bool,
    /// The tenant tables from which it could remove the policies.
    pub owned_tables: Vec<String>,
    /// Whether it has the privileges of `tenantry_worker`.
    pub is_worker: bool,
}

impl RoleFacts {
    /// Why the API must not run with this role; `None` if it may.
    pub fn fault(&self) -> Option<String> {
        let name = &self.name;
        let advice = "use a role such as tenantry_app, which owns nothing and bypasses nothing";
        if self.superuser {
            return Some(format!(
                "the role {name} is a superuser, which row-level security does not restrict; {advice}"
            ));
        }
        if self.bypasses_rls {
            return Some(format!("the role {name} bypasses row-level security; {advice}"));
        }
        let first = self.owned_tables.first()?;
        let count = self.owned_tables.len();
        Some(format!("the role {name} owns {count} tenant tables, such as {first}; {advice}"))
    }

    /// Why background jobs must not run with this role; `None` if they may. They must be subject to policies, too. A
    /// role other than the worker's would find nothing to do and report success.
    pub fn worker_fault(&self) -> Option<String> {
        let is_no_worker = || {
            let name = &self.name;
            format!(
                "the role {name} does not have the privileges of tenantry_worker; without them background jobs see nothing"
            )
        };
        self.fault().or_else(|| (!self.is_worker).then(is_no_worker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_not_subject_to_the_policies_is_a_fault() {
        let app = RoleFacts {
            name: "a".into(),
            superuser: false,
            bypasses_rls: false,
            owned_tables: Vec::new(),
            is_worker: false,
        };
        assert_eq!(app.fault(), None);
        assert!(app.worker_fault().is_some());
        let worker = RoleFacts { is_worker: true, ..app.clone() };
        assert_eq!(worker.worker_fault(), None);
        // A superuser has everyone's privileges, and is subject to no policy.
        assert!(RoleFacts { superuser: true, ..worker }.worker_fault().is_some());
        assert!(RoleFacts { superuser: true, ..app.clone() }.fault().is_some());
        assert!(RoleFacts { bypasses_rls: true, ..app.clone() }.fault().is_some());
        assert!(RoleFacts { owned_tables: vec!["app.tasks".into()], ..app }.fault().is_some());
    }
}
