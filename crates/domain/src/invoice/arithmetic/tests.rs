//! The arithmetic of invoices, by examples and by properties.

use std::str::FromStr;

use proptest::prelude::*;

use super::*;
use crate::invoice::{TaxCategory, short_taxes as short};

fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).expect("a literal")
}

fn line(quantity: &str, rate: &str) -> NewLineItem {
    NewLineItem::new("Work".to_owned(), decimal(quantity), decimal(rate))
}

fn short_taxes(rate: Decimal) -> Vec<Tax> {
    short(rate).expect("a fraction")
}

fn tax(name: &str, rate: &str) -> Tax {
    Tax { name: name.to_owned(), ..Tax::short(decimal(rate)) }
}

fn priced_in(currency: Currency, taxes: Vec<Tax>) -> Pricing {
    Pricing { currency, taxes, prices_include_tax: false, discount: None }
}

/// What a person would check: the lines, the discount, each tax with its base, and the total.
fn shown(pricing: Pricing, lines: Vec<NewLineItem>) -> String {
    let content = compute(pricing, lines).expect("valid");
    let lines: Vec<_> = content.line_items.iter().map(|line| line.amount.amount().to_string()).collect();
    let taxes: Vec<_> =
        content.taxes.iter().map(|tax| format!("{} of {}", tax.amount.amount(), tax.base.amount())).collect();
    let Totals { subtotal, discount, total, .. } = content.totals;
    let (lines, taxes) = (lines.join(" "), taxes.join(", "));
    format!("{lines} = {} - {} + [{taxes}] = {}", subtotal.amount(), discount.amount(), total.amount())
}

#[test]
fn the_worked_example_adds_up() {
    let found =
        shown(priced_in(Currency::USD, short_taxes(decimal("0.18"))), vec![line("40", "2500"), line("16", "3000")]);
    assert_eq!(found, "100000.00 48000.00 = 148000.00 - 0.00 + [26640.00 of 148000.00] = 174640.00");
}

#[test]
fn two_taxes_are_each_rounded_once() {
    let found =
        shown(priced_in(Currency::USD, vec![tax("GST", "0.05"), tax("QST", "0.09975")]), vec![line("1", "140")]);
    assert_eq!(found, "140.00 = 140.00 - 0.00 + [7.00 of 140.00, 13.97 of 140.00] = 160.97");
}

#[test]
fn cases_of_rounding() {
    let rate = |rate: &str| short_taxes(decimal(rate));
    for (currency, taxes, lines, expected) in [
        // A rate may be finer than a cent.
        (
            Currency::USD,
            rate("0.09975"),
            vec![line("1000", "0.12345")],
            "123.45 = 123.45 - 0.00 + [12.31 of 123.45] = 135.76",
        ),
        (Currency::USD, rate("0.19"), vec![line("0.333", "10")], "3.33 = 3.33 - 0.00 + [0.63 of 3.33] = 3.96"),
        // No minor unit, and three digits.
        (Currency::JPY, rate("0.1"), vec![line("3", "33.5"), line("1", "0.5")], "101 1 = 102 - 0 + [10 of 102] = 112"),
        (Currency::BHD, rate("0.05"), vec![line("1.5", "1.2345")], "1.852 = 1.852 - 0.000 + [0.093 of 1.852] = 1.945"),
        // Many small lines: each is rounded, and the tax once for all.
        (
            Currency::USD,
            rate("0.2"),
            vec![line("1", "0.004"), line("1", "0.004"), line("1", "0.005")],
            "0.00 0.00 0.01 = 0.01 - 0.00 + [0.00 of 0.01] = 0.01",
        ),
        // Half a cent goes away from zero, in both directions.
        (
            Currency::USD,
            rate("0.5"),
            vec![line("1", "1.005"), line("1", "-0.005")],
            "1.01 -0.01 = 1.00 - 0.00 + [0.50 of 1.00] = 1.50",
        ),
        (Currency::USD, Vec::new(), vec![], " = 0.00 - 0.00 + [] = 0.00"),
        // As large as it gets: 2^63 - 1 cents.
        (
            Currency::USD,
            Vec::new(),
            vec![line("999999999", "92233720.459999"), line("1", "782478.53")],
            "92233720367765279.54 782478.53 = 92233720368547758.07 - 0.00 + [] = 92233720368547758.07",
        ),
    ] {
        assert_eq!(shown(priced_in(currency, taxes), lines), expected);
    }
}

#[test]
fn lines_may_have_taxes_of_their_own() {
    let taxes = vec![tax("Full", "0.19"), tax("Reduced", "0.07")];
    let only = |name: &str, line: NewLineItem| NewLineItem { taxes: Some(vec![name.to_owned()]), ..line };
    let untaxed = NewLineItem { taxes: Some(Vec::new()), ..line("1", "3.33") };
    let lines = vec![only("Full", line("1", "0.10")), only("Reduced", line("1", "10.05")), untaxed];
    let found = shown(priced_in(Currency::EUR, taxes), lines);
    assert_eq!(found, "0.10 10.05 3.33 = 13.48 - 0.00 + [0.02 of 0.10, 0.70 of 10.05] = 14.20");
}

#[test]
fn discounts_come_off_before_tax() {
    let off = |discount, line: NewLineItem| NewLineItem { discount: Some(discount), ..line };
    // On a line: the percentage is part of its one rounding.
    let lines = vec![
        off(Discount::Rate(decimal("0.1")), line("1", "99.99")),
        off(Discount::Amount(decimal("0.5")), line("3", "1.115")),
    ];
    let found = shown(priced_in(Currency::USD, short_taxes(decimal("0.2"))), lines);
    assert_eq!(found, "89.99 2.85 = 92.84 - 0.00 + [18.57 of 92.84] = 111.41");
    // On the whole: shared by lines with different taxes, in whole cents that add up.
    let taxes = vec![tax("Full", "0.19"), tax("Reduced", "0.07")];
    let only = |name: &str, line: NewLineItem| NewLineItem { taxes: Some(vec![name.to_owned()]), ..line };
    let lines = vec![only("Full", line("1", "100")), only("Reduced", line("1", "50"))];
    for (discount, expected) in [
        (Discount::Amount(decimal("10")), "100.00 50.00 = 150.00 - 10.00 + [17.73 of 93.33, 3.27 of 46.67] = 161.00"),
        (Discount::Rate(decimal("0.3333")), "100.00 50.00 = 150.00 - 50.00 + [12.67 of 66.67, 2.33 of 33.33] = 115.00"),
        (Discount::Rate(Decimal::ONE), "100.00 50.00 = 150.00 - 150.00 + [0.00 of 0.00, 0.00 of 0.00] = 0.00"),
    ] {
        let pricing = Pricing { discount: Some(discount), ..priced_in(Currency::EUR, taxes.clone()) };
        assert_eq!(shown(pricing, lines.clone()), expected);
    }
}

#[test]
fn prices_with_tax_keep_their_total() {
    let including = |taxes| Pricing { prices_include_tax: true, ..priced_in(Currency::EUR, taxes) };
    for (taxes, lines, expected) in [
        (vec![tax("VAT", "0.19")], vec![line("1", "119")], "119.00 = 119.00 - 0.00 + [19.00 of 100.00] = 119.00"),
        // The tax is rounded, and the base takes what is left: 0.10 contains 0.01597.
        (vec![tax("VAT", "0.19")], vec![line("1", "0.10")], "0.10 = 0.10 - 0.00 + [0.02 of 0.08] = 0.10"),
        (
            vec![tax("VAT", "0.19")],
            vec![line("1", "0.10"), line("1", "0.10"), line("1", "0.10")],
            "0.10 0.10 0.10 = 0.30 - 0.00 + [0.05 of 0.25] = 0.30",
        ),
        // Two taxes on one base.
        (
            vec![tax("GST", "0.05"), tax("QST", "0.09975")],
            vec![line("1", "160.97")],
            "160.97 = 160.97 - 0.00 + [7.00 of 140.00, 13.97 of 140.00] = 160.97",
        ),
        (
            vec![tax("GST", "0.05"), tax("QST", "0.09975")],
            vec![line("1", "100")],
            "100.00 = 100.00 - 0.00 + [4.35 of 86.97, 8.68 of 86.97] = 100.00",
        ),
    ] {
        assert_eq!(shown(including(taxes), lines), expected);
    }
}

#[test]
fn faults_name_their_field() {
    let off = |discount| Some(discount);
    let lines = vec![
        line("1", "1"),
        NewLineItem { description: " ".to_owned(), ..line("-1", "0.0000001") },
        NewLineItem { taxes: Some(vec!["Tax".to_owned(), "x".to_owned()]), ..line("1", "1") },
        NewLineItem { discount: off(Discount::Rate(decimal("1.1"))), ..line("1", "1") },
        NewLineItem { discount: off(Discount::Amount(decimal("0.001"))), ..line("1", "1") },
    ];
    let pricing =
        Pricing { discount: off(Discount::Amount(decimal("-1"))), ..priced_in(Currency::USD, vec![tax("Tax", "2")]) };
    let faults = compute(pricing, lines).expect_err("faults");
    let fields: Vec<_> = faults.0.iter().map(|error| error.field.join(".")).collect();
    let expected = [
        "taxes.0.rate",
        "lineItems.1.description",
        "lineItems.1.quantity",
        "lineItems.1.rate",
        "lineItems.2.taxes.1",
        "lineItems.3.discountRate",
        "lineItems.4.discountAmount",
        "discountAmount",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn what_is_negative_or_does_not_fit_is_refused() {
    let usd = |discount| Pricing { discount, ..priced_in(Currency::USD, Vec::new()) };
    let much = Some(Discount::Amount(decimal("1.01")));
    let less = NewLineItem { discount: much, ..line("1", "1") };
    let back = NewLineItem { discount: Some(Discount::Amount(decimal("0.01"))), ..line("1", "-1") };
    for (pricing, lines, field) in [
        (usd(None), vec![line("999999999", "999999999999")], "lineItems.0.rate"),
        (usd(None), vec![line("1", "-1")], "lineItems"),
        (usd(much), vec![line("1", "1")], "discountAmount"),
        (usd(None), vec![line("5", "1"), less], "lineItems.1.discountAmount"),
        (usd(None), vec![line("5", "1"), back], "lineItems.1.discountAmount"),
        (usd(None), vec![line("999999999", "92233720.459999"), line("1", "782478.54")], "lineItems"),
        (priced_in(Currency::JPY, short_taxes(Decimal::ONE)), vec![line("9000000", "999999999999")], "lineItems"),
    ] {
        let faults = compute(pricing, lines).expect_err(field);
        assert_eq!(faults.0.iter().map(|error| error.field.join(".")).collect::<Vec<_>>(), [field]);
    }
    // The total fits, and without the taxes, which are negative, it does not.
    let taxed = |names: &[&str], line: NewLineItem| NewLineItem {
        taxes: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..line
    };
    let large = || taxed(&[], line("900000", "100000000000"));
    let back = taxed(&["T"], line("900000", "-100000000000"));
    let pricing = Pricing { prices_include_tax: true, ..priced_in(Currency::USD, vec![tax("T", "1")]) };
    assert!(compute(pricing, vec![large(), large(), back]).is_err());
    // Lines that are too large one by one may cancel out; each has to fit.
    let huge = vec![line("9000000", "999999999999"), line("9000000", "-999999999999")];
    assert!(compute(priced_in(Currency::JPY, Vec::new()), huge).is_ok());
}

#[test]
fn a_bare_rate_is_told_from_taxes_that_say_more() {
    let content = |taxes, lines| compute(priced_in(Currency::USD, taxes), lines).expect("valid");
    let short = content(short_taxes(decimal("0.2")), vec![line("1", "1")]);
    assert_eq!((short.tax_rate(), short.has_short_taxes()), (Some(decimal("0.2")), true));
    let none = content(Vec::new(), vec![line("1", "1")]);
    assert_eq!((none.tax_rate(), none.has_short_taxes()), (Some(Decimal::ZERO), true));
    let named = content(vec![tax("VAT", "0.2")], vec![line("1", "1")]);
    assert_eq!((named.tax_rate(), named.has_short_taxes()), (Some(decimal("0.2")), false));
    let own = NewLineItem { taxes: Some(Vec::new()), ..line("1", "1") };
    let partly = content(short_taxes(decimal("0.2")), vec![line("1", "1"), own]);
    assert_eq!((partly.tax_rate(), partly.has_short_taxes()), (None, false));
    let zero = content(vec![tax("Tax", "0")], vec![line("1", "1")]);
    assert_eq!((zero.tax_rate(), zero.has_short_taxes()), (Some(Decimal::ZERO), false), "it has a name to show");
    let exempt = Tax { category: TaxCategory::Exempt, ..tax("Tax", "0") };
    assert!(!content(vec![exempt], vec![line("1", "1")]).has_short_taxes());
}

/// Some lines, each with some of the taxes `a`, `b` and `c`, or all.
fn some_lines() -> impl Strategy<Value = Vec<NewLineItem>> {
    let names = prop::option::of(prop::sample::subsequence(vec!["a", "b", "c"], 0..=3));
    let discount = prop::option::weighted(0.3, (0_i64..=100_000_000).prop_map(|rate| Decimal::new(rate, 8)));
    let one = (1_i64..1_000_000_000, 0_u32..=6, -20_000_000_i64..1_000_000_000, 0_u32..=6, discount, names);
    let one = one.prop_map(|(quantity, qs, rate, rs, discount, names)| NewLineItem {
        description: "Work".to_owned(),
        quantity: Decimal::new(quantity, qs),
        rate: Decimal::new(rate, rs),
        discount: discount.map(Discount::Rate),
        taxes: names.map(|names| names.into_iter().map(str::to_owned).collect()),
    });
    prop::collection::vec(one, 0..25)
}

fn some_taxes() -> impl Strategy<Value = Vec<Tax>> {
    let rate = || (0_i64..=100_000_000).prop_map(|rate| Decimal::new(rate, 8));
    (rate(), rate(), rate()).prop_map(|rates| {
        ["a", "b", "c"]
            .iter()
            .zip([rates.0, rates.1, rates.2])
            .map(|(name, rate)| tax(name, &rate.to_string()))
            .collect()
    })
}

fn some_pricing() -> impl Strategy<Value = Pricing> {
    let currency = prop::sample::select(vec![Currency::USD, Currency::JPY, Currency::BHD]);
    let discount = prop::option::of((0_i64..=100_000_000).prop_map(|rate| Discount::Rate(Decimal::new(rate, 8))));
    (currency, some_taxes(), any::<bool>(), discount).prop_map(|(currency, taxes, prices_include_tax, discount)| {
        Pricing { currency, taxes, prices_include_tax, discount }
    })
}

fn half() -> BigRational {
    whole(1) / whole(2)
}

proptest! {
    #[test]
    fn parts_add_up(pricing in some_pricing(), lines in some_lines()) {
        let Ok(content) = compute(pricing.clone(), lines) else { return Ok(()) };
        let Totals { subtotal, discount, tax_amount, total } = content.totals;
        let sum: i64 = content.line_items.iter().map(|line| line.amount.minor()).sum();
        prop_assert_eq!(subtotal.minor(), sum);
        prop_assert_eq!(tax_amount.minor(), content.taxes.iter().map(|tax| tax.amount.minor()).sum::<i64>());
        let taxed = if pricing.prices_include_tax { 0 } else { tax_amount.minor() };
        prop_assert_eq!(total.minor(), subtotal.minor() - discount.minor() + taxed);
        prop_assert!(discount.minor() >= 0 && discount.minor() <= subtotal.minor());
    }

    #[test]
    fn nothing_is_off_by_more_than_half_a_minor_unit(pricing in some_pricing(), lines in some_lines()) {
        let Ok(content) = compute(pricing.clone(), lines) else { return Ok(()) };
        for line in &content.line_items {
            let kept = match line.discount { Some(Discount::Rate(rate)) => whole(1) - exact(rate), _ => whole(1) };
            let amount = exact(line.quantity) * in_minor(line.rate, pricing.currency) * kept;
            prop_assert!(distance(amount - whole(line.amount.minor())) <= half());
        }
        // With a discount, what the taxes apply to is shared in whole units first; that is asked elsewhere.
        let shared = pricing.discount.is_some();
        for TaxAmount { tax, base, amount } in &content.taxes {
            if !pricing.prices_include_tax {
                let due = whole(base.minor()) * exact(tax.rate);
                prop_assert!(distance(due - whole(amount.minor())) <= half());
            } else if !shared {
                // From the lines, and not from the base, which has what the rounding left.
                let contained = content.line_items.iter().map(|line| {
                    let applies = |name: &String| line.taxes.as_ref().is_none_or(|names| names.contains(name));
                    let all = content.taxes.iter().filter(|other| applies(&other.tax.name)).map(|other| exact(other.tax.rate));
                    let own = if applies(&tax.name) { exact(tax.rate) } else { whole(0) };
                    whole(line.amount.minor()) * own / (whole(1) + all.sum::<BigRational>())
                });
                prop_assert!(distance(contained.sum::<BigRational>() - whole(amount.minor())) <= half());
            }
        }
    }

    #[test]
    fn a_tax_that_all_prices_contain_is_off_by_no_more_than_half(rate in 0_i64..=100_000, sum in 0_i64..1_000_000_000) {
        let pricing = Pricing { prices_include_tax: true, ..priced_in(Currency::JPY, short_taxes(Decimal::new(rate, 5))) };
        let content = compute(pricing, vec![line("1", &sum.to_string())]).expect("valid");
        let rate = exact(Decimal::new(rate, 5));
        for TaxAmount { base, amount, .. } in &content.taxes {
            let contained = whole(sum) * rate.clone() / (whole(1) + rate.clone());
            prop_assert!(distance(contained - whole(amount.minor())) <= half());
            prop_assert_eq!(base.minor() + amount.minor(), sum);
        }
    }

    #[test]
    fn the_order_does_not_matter(pricing in some_pricing(), lines in some_lines(), turn in 0_usize..25) {
        let Ok(content) = compute(pricing.clone(), lines.clone()) else { return Ok(()) };
        let (mut turned, mut other) = (lines, pricing);
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
            turned.reverse();
        }
        other.taxes.reverse();
        let mut again = compute(other, turned).expect("valid in every order");
        again.taxes.reverse();
        prop_assert_eq!((content.totals, content.taxes), (again.totals, again.taxes));
    }

    #[test]
    fn shares_add_up_and_are_near(total in -1_000_000_i64..1_000_000, weights in prop::collection::vec(1_i64..1_000_000, 1..20)) {
        let sum: i64 = weights.iter().sum();
        let parts: Vec<_> = weights.iter().map(|weight| whole(total) * whole(*weight) / whole(sum)).collect();
        let shares = share(total.into(), &parts).expect("they fit");
        prop_assert_eq!(shares.iter().sum::<i128>(), i128::from(total));
        for (part, share) in parts.iter().zip(shares) {
            prop_assert!(distance(part - whole(share)) < whole(1));
        }
    }
}

fn distance(number: BigRational) -> BigRational {
    if number < whole(0) { -number } else { number }
}
