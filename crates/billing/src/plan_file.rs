//! A file of plans: parsed, validated as a whole, and only then loaded.
//!
//! ```json
//! { "plans": [
//!   { "id": "free", "name": "Free", "limits": { "projects": 3, "vault_items": false, "team_members": null, … } },
//!   { "id": "pro", "name": "Pro", "monthly_price": { "amount": "29.00", "currency": "EUR" }, "limits": { … } },
//!   { "id": "staff", "name": "Staff", "public": false, "limits": { … } }
//! ] }
//! ```
//!
//! `monthly_price` is shown, and nothing is charged by it.
//!
//! The cheapest plan comes first. Every plan names every feature: a number is the limit, `null` means unlimited, and
//! `false` means that the plan does not include it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tenantry_domain::feature::Feature;
use tenantry_domain::plan::{Allowance, FREE_PLAN, Plan, PlanTable};
use tenantry_domain::{Money, plain_decimal};
use tenantry_store::billing::plans;

use crate::{Billing, BillingError};

/// The maximum number of characters of a plan's id and of its name, as in the database.
const MAX_ID: usize = 63;
const MAX_NAME: usize = 200;

/// A validated set of plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    table: PlanTable,
}

/// Why a file is not a valid set of plans.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is not JSON, or does not have the expected fields.
    #[error("the file is not a valid set of plans: {0}")]
    Malformed(serde_json::Error),
    /// It contains invalid plans.
    #[error("the plans are invalid: {}", in_a_row(.0))]
    Wrong(Vec<PlanFault>),
}

/// One fault in a set of plans.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// The default plan, for organizations without another, is missing.
    #[error("there is no plan \"{FREE_PLAN}\"")]
    NoFreePlan,
    /// Two plans have the same id.
    #[error("there are two plans \"{0}\"")]
    Repeated(String),
    /// The id contains something other than lower-case letters, digits and underscores, or is too long.
    #[error("\"{0}\" cannot be a plan's id")]
    Id(String),
    /// The name is blank or too long.
    #[error("the plan \"{0}\" needs a name of at most {MAX_NAME} characters")]
    Name(String),
    /// The price is negative, or its currency does not have it.
    #[error("the plan \"{0}\" has a monthly price that is no amount of a known currency")]
    Price(String),
    /// The plan does not say what it allows of a feature.
    #[error("the plan \"{plan}\" does not name {feature}")]
    Missing {
        /// The plan.
        plan: String,
        /// The feature.
        feature: Feature,
    },
    /// The plan names a feature twice.
    #[error("the plan \"{plan}\" names {feature} twice")]
    NamedTwice {
        /// The plan.
        plan: String,
        /// The feature.
        feature: Feature,
    },
    /// The plan names an unknown feature.
    #[error("the plan \"{plan}\" names {feature}, which is not a feature")]
    UnknownFeature {
        /// The plan.
        plan: String,
        /// The unknown name.
        feature: String,
    },
    /// The limit is neither a whole number from 0, nor null, nor false.
    #[error("the plan \"{plan}\" has an invalid limit for {feature}")]
    Limit {
        /// The plan.
        plan: String,
        /// The feature.
        feature: Feature,
    },
}

impl PlanFile {
    /// The plans, cheapest first.
    pub fn table(&self) -> &PlanTable {
        &self.table
    }
}

impl FromStr for PlanFile {
    type Err = PlanFileError;

    /// Parses and validates the text of a file. A byte order mark at its start is skipped.
    fn from_str(text: &str) -> Result<Self, PlanFileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let raw: RawFile = serde_json::from_str(text).map_err(PlanFileError::Malformed)?;
        let mut faults = Vec::new();
        let mut ids = BTreeSet::new();
        let mut plans = Vec::with_capacity(raw.plans.len());
        for (plan, rank) in raw.plans.into_iter().zip(0..) {
            if !ids.insert(plan.id.clone()) {
                faults.push(PlanFault::Repeated(plan.id.clone()));
            }
            plans.push(plan.checked(rank, &mut faults));
        }
        if !ids.contains(FREE_PLAN) {
            faults.push(PlanFault::NoFreePlan);
        }
        if faults.is_empty() { Ok(Self { table: PlanTable::new(plans) }) } else { Err(PlanFileError::Wrong(faults)) }
    }
}

impl Billing {
    /// Replaces all plans by the file's, in one transaction of the role that owns them; `owner_url` connects with that
    /// role. Takes effect immediately in this process, and in others after their cache time.
    ///
    /// # Errors
    /// [`BillingError::Replace`], when a plan that is in use would be removed or the database fails. In that case
    /// nothing was changed.
    pub async fn load_plans(&self, owner_url: &str, file: &PlanFile) -> Result<(), BillingError> {
        let result = plans::replace(owner_url, file.table()).await;
        // In any case: the commit may have happened even if the answer was lost.
        self.invalidate();
        Ok(result?)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    plans: Vec<RawPlan>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    id: String,
    name: String,
    #[serde(default = "yes")]
    public: bool,
    monthly_price: Option<RawPrice>,
    limits: RawLimits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    amount: String,
    currency: String,
}

impl RawPrice {
    fn read(&self) -> Option<Money> {
        let amount = plain_decimal(&self.amount)?;
        let price = Money::from_major(amount, self.currency.parse().ok()?).ok()?;
        (price.minor() >= 0).then_some(price)
    }
}

fn yes() -> bool {
    true
}

/// The content of the braces in order, including duplicates, of which a map would keep only the last.
struct RawLimits(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for RawLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = RawLimits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of features and limits")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawLimits, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(RawLimits(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

impl RawPlan {
    fn checked(self, rank: i32, faults: &mut Vec<PlanFault>) -> Plan {
        if !is_id(&self.id) {
            faults.push(PlanFault::Id(self.id.clone()));
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            faults.push(PlanFault::Name(self.id.clone()));
        }
        let monthly_price = self.monthly_price.as_ref().map(RawPrice::read);
        if monthly_price == Some(None) {
            faults.push(PlanFault::Price(self.id.clone()));
        }
        let mut allowances = BTreeMap::new();
        for (feature, limit) in self.limits.0 {
            let Ok(feature) = feature.parse::<Feature>() else {
                faults.push(PlanFault::UnknownFeature { plan: self.id.clone(), feature });
                continue;
            };
            let allowance = allowance(&limit).unwrap_or_else(|| {
                faults.push(PlanFault::Limit { plan: self.id.clone(), feature });
                Allowance::NONE
            });
            if allowances.insert(feature, allowance).is_some() {
                faults.push(PlanFault::NamedTwice { plan: self.id.clone(), feature });
            }
        }
        for feature in Feature::ALL {
            if !allowances.contains_key(feature) {
                faults.push(PlanFault::Missing { plan: self.id.clone(), feature: *feature });
            }
        }
        let monthly_price = monthly_price.flatten();
        Plan { name: name.to_owned(), id: self.id, rank, is_public: self.public, monthly_price, allowances }
    }
}

/// The database's rule: a letter, then letters, digits and underscores.
fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn allowance(limit: &Value) -> Option<Allowance> {
    match limit {
        Value::Null => Some(Allowance::unlimited()),
        Value::Bool(false) => Some(Allowance::NONE),
        Value::Number(number) => number.as_i64().filter(|limit| *limit >= 0).map(Allowance::up_to),
        _ => None,
    }
}

fn in_a_row(faults: &[PlanFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{ "plans": [
        { "id": "free", "name": "Free", "limits": { "active_clients": 3, "projects": 3, "invoices_per_month": 5,
          "vault_items": false, "team_members": 1, "api_calls_per_month": 1000 },
          "monthly_price": { "amount": "0", "currency": "EUR" } },
        { "id": "pro", "name": " Pro ", "public": false, "limits": { "active_clients": null, "projects": 50,
          "invoices_per_month": null, "vault_items": null, "team_members": 10, "api_calls_per_month": 50000 } }
    ] }"#;

    fn faults(text: &str) -> Vec<PlanFault> {
        match text.parse::<PlanFile>() {
            Err(PlanFileError::Wrong(faults)) => faults,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_valid_file_is_read() {
        let file: PlanFile = GOOD.parse().expect("a good file");
        let windows = format!("\u{feff}{}\r\n", GOOD.replace('\n', "\r\n"));
        assert_eq!(windows.parse::<PlanFile>().expect("with a byte order mark"), file);
        let [free, pro] = file.table().plans() else { panic!("{file:?}") };
        assert_eq!((free.id.as_str(), free.rank, free.is_public), ("free", 0, true));
        assert_eq!(free.allowance(Feature::Projects), Allowance::up_to(3));
        assert_eq!(free.allowance(Feature::VaultItems), Allowance::NONE);
        assert_eq!((pro.name.as_str(), pro.rank, pro.is_public), ("Pro", 1, false));
        assert_eq!(pro.allowance(Feature::VaultItems), Allowance::unlimited());
    }

    #[test]
    fn every_fault_is_named() {
        let plan = || "free".to_owned();
        let limit = PlanFault::Limit { plan: plan(), feature: Feature::Projects };
        for wrong in ["-1", "1.5", "\"3\"", "true", "1e99", "9223372036854775808", "[]"] {
            assert_eq!(
                faults(&GOOD.replace("\"projects\": 3", &format!("\"projects\": {wrong}"))),
                std::slice::from_ref(&limit)
            );
        }
        let missing = PlanFault::Missing { plan: plan(), feature: Feature::Projects };
        assert_eq!(faults(&GOOD.replace("\"projects\": 3,", "")), std::slice::from_ref(&missing));
        let unknown = PlanFault::UnknownFeature { plan: plan(), feature: "rockets".into() };
        assert_eq!(faults(&GOOD.replace("\"projects\": 3", "\"rockets\": 3")), [unknown, missing]);
        let twice = PlanFault::NamedTwice { plan: plan(), feature: Feature::Projects };
        assert_eq!(faults(&GOOD.replace("\"projects\": 3", "\"projects\": 3, \"projects\": 4")), [twice]);
        assert_eq!(faults(&GOOD.replace("\"pro\"", "\"free\"")), [PlanFault::Repeated(plan())]);
        assert_eq!(faults(&GOOD.replace("\"free\"", "\"basic\"")), [PlanFault::NoFreePlan]);
        assert_eq!(faults(&GOOD.replace("\"pro\"", "\"Pro'; --\"")), [PlanFault::Id("Pro'; --".into())]);
        assert_eq!(faults(&GOOD.replace("\" Pro \"", "\"  \"")), [PlanFault::Name("pro".into())]);
    }

    #[test]
    fn an_invalid_file_is_malformed() {
        for text in ["", "[]", "{}", "{\"plans\": 1}", &GOOD.replace("\"public\"", "\"pubic\"")] {
            assert!(matches!(text.parse::<PlanFile>(), Err(PlanFileError::Malformed(_))), "{text}");
        }
    }
}
