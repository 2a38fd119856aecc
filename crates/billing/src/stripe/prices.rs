//! The plan of each price at Stripe.

use std::collections::BTreeMap;
use std::str::FromStr;

use tenantry_stripe::event::Price;

/// The prices that the operator has configured, each with its plan; and the prices in the order in which they were
/// given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceTable(BTreeMap<String, String>, Vec<String>);

/// Why a table of prices cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceTableError {
    /// An entry is not of the form `price=plan`.
    #[error("\"{0}\" is not of the form price=plan")]
    Malformed(String),
    /// A price appears twice.
    #[error("the price {0} appears twice")]
    Repeated(String),
}

impl PriceTable {
    /// The first of these prices that has a plan, and the plan. A price is matched by its id or by its lookup key,
    /// which stays the same when the amount changes.
    pub fn plan_of<'t>(&'t self, prices: &'t [Price]) -> Option<(&'t Price, &'t str)> {
        let plan = |price: &Price| self.0.get(&price.id).or_else(|| self.0.get(price.lookup_key.as_ref()?));
        prices.iter().find_map(|price| plan(price).map(|plan| (price, plan.as_str())))
    }

    /// The price at which a plan is sold: the first one given, if there are several.
    pub fn price_of(&self, plan: &str) -> Option<&str> {
        self.1.iter().find(|price| self.0.get(*price).is_some_and(|found| found == plan)).map(String::as_str)
    }

    /// Whether no price is configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for PriceTable {
    type Err = PriceTableError;

    /// Parses `price=plan,price=plan,…`. List an old price of a plan after the one at which it is sold now.
    fn from_str(text: &str) -> Result<Self, PriceTableError> {
        let mut table = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let malformed = || PriceTableError::Malformed(entry.to_owned());
            let (price, plan) = entry.split_once('=').ok_or_else(malformed)?;
            let (price, plan) = (price.trim().to_owned(), plan.trim().to_owned());
            if price.is_empty() || plan.is_empty() || plan.contains('=') {
                return Err(malformed());
            }
            if table.0.insert(price.clone(), plan).is_some() {
                return Err(PriceTableError::Repeated(price));
            }
            table.1.push(price);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_maps_prices_to_plans_and_plans_to_prices() {
        let table: PriceTable = " price_2=pro, price_1 = pro,solo_monthly=solo,".parse().unwrap();
        let price = |id: &str, key: Option<&str>| Price { id: id.into(), lookup_key: key.map(str::to_owned) };
        let prices = [price("price_9", None), price("price_8", Some("solo_monthly")), price("price_1", None)];
        assert_eq!(table.plan_of(&prices), Some((&prices[1], "solo")));
        assert_eq!(table.plan_of(&prices[2..]), Some((&prices[2], "pro")));
        assert_eq!(table.plan_of(&prices[..1]), None);
        assert_eq!((table.price_of("pro"), table.price_of("enterprise")), (Some("price_2"), None));
        assert_eq!("".parse(), Ok(PriceTable::default()));
    }

    #[test]
    fn an_invalid_table_is_refused() {
        for text in ["price_1", "=pro", "price_1=", "a=b=c"] {
            assert!(matches!(text.parse::<PriceTable>(), Err(PriceTableError::Malformed(_))), "{text}");
        }
        assert_eq!("a=b,a=c".parse::<PriceTable>(), Err(PriceTableError::Repeated("a".into())));
    }
}
