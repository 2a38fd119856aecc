//! Plans: what each allows, and which is the cheapest that would allow more.

use std::collections::BTreeMap;

use crate::feature::Feature;
use crate::money::Money;

/// The plan of organizations without another plan. Every set of plans includes it.
pub const FREE_PLAN: &str = "free";

/// How much of a feature a plan (or an override) allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Allowance {
    /// The maximum; `None` means unlimited.
    pub limit: Option<i64>,
    /// Whether the feature is included at all.
    pub enabled: bool,
}

impl Allowance {
    /// The feature is not included.
    pub const NONE: Self = Self { limit: Some(0), enabled: false };

    /// Up to this many.
    pub fn up_to(limit: i64) -> Self {
        Self { limit: Some(limit), enabled: true }
    }

    /// No limit.
    pub fn unlimited() -> Self {
        Self { limit: None, enabled: true }
    }

    /// The effective limit: 0 for a feature that is not included; `None` means unlimited.
    pub fn effective(self) -> Option<i64> {
        if self.enabled { self.limit } else { Some(0) }
    }

    /// Whether `amount` may be in use at the same time.
    pub fn allows(self, amount: i64) -> bool {
        self.effective().is_none_or(|limit| amount <= limit)
    }
}

/// A plan that an organization can subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The id that subscriptions refer to.
    pub id: String,
    /// The name to display.
    pub name: String,
    /// The position in the order of prices, cheapest first.
    pub rank: i32,
    /// Whether it is offered to everyone. A plan that is not is never suggested.
    pub is_public: bool,
    /// What it costs a month, to display; `None` when nothing is said. What is charged is the payment provider's price.
    pub monthly_price: Option<Money>,
    /// What it allows.
    pub allowances: BTreeMap<Feature, Allowance>,
}

impl Plan {
    /// What the plan allows of a feature; nothing if the plan does not name it.
    pub fn allowance(&self, feature: Feature) -> Allowance {
        self.allowances.get(&feature).copied().unwrap_or(Allowance::NONE)
    }
}

/// All plans, cheapest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanTable(Vec<Plan>);

impl PlanTable {
    /// Sorts these plans by rank.
    pub fn new(mut plans: Vec<Plan>) -> Self {
        plans.sort_by_key(|plan| plan.rank);
        Self(plans)
    }

    /// The plans, cheapest first.
    pub fn plans(&self) -> &[Plan] {
        &self.0
    }

    /// The plan with this id.
    pub fn get(&self, id: &str) -> Option<&Plan> {
        self.0.iter().find(|plan| plan.id == id)
    }

    /// The cheapest public plan that allows `amount` of the feature.
    pub fn cheapest_allowing(&self, feature: Feature, amount: i64) -> Option<&Plan> {
        self.0.iter().find(|plan| plan.is_public && plan.allowance(feature).allows(amount))
    }

    /// The ids of the plans without a limit on the feature.
    pub fn unlimited(&self, feature: Feature) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |plan| plan.allowance(feature).effective().is_none()).map(|plan| plan.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(id: &str, rank: i32, is_public: bool, allowance: Allowance) -> Plan {
        let allowances = BTreeMap::from([(Feature::Projects, allowance)]);
        Plan { id: id.into(), name: id.into(), rank, is_public, monthly_price: None, allowances }
    }

    fn table() -> PlanTable {
        PlanTable::new(vec![
            plan("enterprise", 3, true, Allowance::unlimited()),
            plan("free", 0, true, Allowance::up_to(5)),
            plan("staff", 1, false, Allowance::unlimited()),
            plan("solo", 2, true, Allowance::up_to(50)),
        ])
    }

    #[test]
    fn the_cheapest_public_plan_is_suggested() {
        let cheapest = |amount| table().cheapest_allowing(Feature::Projects, amount).map(|plan| plan.id.clone());
        assert_eq!(cheapest(5).as_deref(), Some("free"));
        assert_eq!(cheapest(6).as_deref(), Some("solo"));
        assert_eq!(cheapest(51).as_deref(), Some("enterprise"));
    }

    #[test]
    fn a_feature_that_a_plan_omits_or_disables_has_the_limit_zero() {
        let table = table();
        let free = table.get("free").expect("it is in the table");
        assert_eq!(free.allowance(Feature::VaultItems).effective(), Some(0));
        assert_eq!(Allowance { limit: None, enabled: false }.effective(), Some(0));
        assert!(!Allowance { limit: Some(9), enabled: false }.allows(1));
        assert!(table.cheapest_allowing(Feature::VaultItems, 1).is_none());
    }

    #[test]
    fn unlimited_plans_are_known() {
        assert_eq!(table().unlimited(Feature::Projects).collect::<Vec<_>>(), ["staff", "enterprise"]);
    }
}
