//! Labels: reads of `app.labels`.

use tenantry_domain::label::Label;
use tenantry_domain::{Actor, Role};

use crate::entity;
use crate::record::Record;
use crate::sql::Sql;
use crate::visibility;

impl Record for Label {
    type Entity = entity::label::Entity;

    /// A guest sees the labels of the tasks that it sees.
    fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
        if actor.role != Role::Guest {
            return;
        }
        sql.push(" AND EXISTS (SELECT 1 FROM app.task_labels l JOIN app.tasks k ON k.organization_id = $1");
        sql.push(" AND k.id = l.task_id WHERE l.organization_id = $1 AND l.label_id = t.id");
        visibility::rows_of_projects(actor, sql, "k.project_id");
        sql.push(")");
    }
}
