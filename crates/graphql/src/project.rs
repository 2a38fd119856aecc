//! Projects: their board, and how they stand.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use tenantry_domain::Role;
use tenantry_domain::project::Project;
use tenantry_domain::report::Standing;
use tenantry_domain::task::TaskStatus;
use tenantry_executor::loaders::{WhoAmI, load};
use tenantry_executor::object::Ordered;
use tenantry_executor::scalar::Money;

use crate::loaders::{ProjectBalances, UnbilledCounts};
use crate::noun::{Mutations, Shown};
use crate::report::{Balance, balances, summed};
use crate::task::BoardColumn;

impl Shown for Project {
    type More = ProjectMore;

    fn mutations() -> Option<Mutations> {
        Some(Mutations::of::<Self>("Projects count against the plan.").and_many::<Self>())
    }
}

/// Fields of a project beside those that are declared.
pub(crate) struct ProjectMore(Arc<Project>);

impl From<Arc<Project>> for ProjectMore {
    fn from(project: Arc<Project>) -> Self {
        Self(project)
    }
}

impl ProjectMore {
    /// How the project stands in the currency of its budget.
    async fn standing(&self, context: &Context<'_>) -> Result<Option<Standing>> {
        // Guests know of no invoices. What they find would be zero, and wrong.
        if load::<WhoAmI>(context, ()).await?.is_none_or(|actor| actor.role == Role::Guest) {
            return Ok(None);
        }
        let found = load::<ProjectBalances>(context, self.0.id).await?;
        Ok(Standing::of(&self.0, summed(found.as_ref())?))
    }
}

#[Object]
impl ProjectMore {
    /// What was spent for the project, in the currency of its budget; null without a budget or an advance, and if you may not see it.
    async fn spent(&self, context: &Context<'_>) -> Result<Option<Money>> {
        Ok(self.standing(context).await?.map(|standing| standing.spent.into()))
    }

    /// What was invoiced for the project, with taxes, less its credit notes, in the currency of its budget; null without a budget or an advance, and if you
    /// may not see it.
    async fn billed(&self, context: &Context<'_>) -> Result<Option<Money>> {
        Ok(self.standing(context).await?.map(|standing| standing.billed.into()))
    }

    /// The budget less what was billed, with taxes; negative if that is more; null without a budget, and if you may not see it.
    async fn remaining(&self, context: &Context<'_>) -> Result<Option<Money>> {
        Ok(self.standing(context).await?.and_then(|standing| standing.remaining).map(Money::from))
    }

    /// How many finished tasks of the project are on no invoice, or only on void ones; null if you may not see it. `tasks(filter: { isUnbilled: true })`
    /// lists them.
    async fn unbilled(&self, context: &Context<'_>) -> Result<Option<u64>> {
        Ok(load::<UnbilledCounts>(context, self.0.id).await?.map(|count| *count))
    }

    /// How the project stands, as far as you see its invoices and transactions: one entry for each currency. Null only with an error.
    async fn balances(&self, context: &Context<'_>) -> Result<Option<Vec<Balance>>> {
        balances(load::<ProjectBalances>(context, self.0.id).await?.as_ref())
    }

    /// The project's tasks by status: one column for each, in the order of the work.
    async fn board(&self) -> Vec<Ordered<BoardColumn>> {
        let project = self.0.id;
        TaskStatus::ALL.iter().map(|status| Ordered(BoardColumn::new(project, *status))).collect()
    }
}
