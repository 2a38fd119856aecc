//! Who an invoice is from and whom it is for: as objects, and as the input of the settings.

use async_graphql::{InputObject, SimpleObject};
use tenantry_domain::party::{Address as DomainAddress, Buyer as DomainBuyer, Seller as DomainSeller};

/// A postal address.
#[derive(SimpleObject)]
pub(crate) struct Address {
    /// Street and number; null if there is none.
    line1: Option<String>,
    /// Building, floor and the like; null if there is none.
    line2: Option<String>,
    /// The city; null if there is none.
    city: Option<String>,
    /// State, province or the like; null if there is none.
    region: Option<String>,
    /// The postal code; null if there is none.
    postal_code: Option<String>,
    /// The country: two letters of ISO 3166-1; null if there is none.
    country: Option<String>,
}

/// The organization as it is on its invoices.
#[derive(SimpleObject)]
pub(crate) struct Seller {
    /// The name on invoices; null in the settings if it is the organization's own.
    name: Option<String>,
    /// The address.
    address: Address,
    /// The number for value-added tax or the like; null if there is none.
    tax_id: Option<String>,
    /// The e-mail address; null if there is none.
    email: Option<String>,
    /// The phone number; null if there is none.
    phone: Option<String>,
    /// Who owns the bank account; null if there is none.
    account_holder: Option<String>,
    /// The number of the bank account, such as an IBAN; null if there is none.
    account_number: Option<String>,
    /// The bank's code, such as a BIC; null if there is none.
    bank_code: Option<String>,
    /// The bank's name; null if there is none.
    bank_name: Option<String>,
    /// What is said of payment; null if there is none.
    payment_terms: Option<String>,
    /// What stands at the foot of each page; null if there is none.
    footer: Option<String>,
}

/// The client as it is on an invoice.
#[derive(SimpleObject)]
pub(crate) struct Buyer {
    /// The client's name.
    name: String,
    /// The client's company; null if there is none.
    company: Option<String>,
    /// The address.
    address: Address,
    /// The number for value-added tax or the like; null if there is none.
    tax_id: Option<String>,
    /// The e-mail address; null if there is none.
    email: Option<String>,
}

impl From<DomainAddress> for Address {
    fn from(address: DomainAddress) -> Self {
        let DomainAddress { line1, line2, city, region, postal_code, country } = address;
        Self { line1, line2, city, region, postal_code, country }
    }
}

impl From<DomainSeller> for Seller {
    fn from(seller: DomainSeller) -> Self {
        Self {
            name: seller.name,
            address: seller.address.into(),
            tax_id: seller.tax_id,
            email: seller.email,
            phone: seller.phone,
            account_holder: seller.account_holder,
            account_number: seller.account_number,
            bank_code: seller.bank_code,
            bank_name: seller.bank_name,
            payment_terms: seller.payment_terms,
            footer: seller.footer,
        }
    }
}

impl From<DomainBuyer> for Buyer {
    fn from(buyer: DomainBuyer) -> Self {
        let DomainBuyer { name, company, address, tax_id, email } = buyer;
        Self { name, company, address: address.into(), tax_id, email }
    }
}

/// A postal address. Each part may be left out.
#[derive(InputObject)]
pub(crate) struct AddressInput {
    /// Street and number; at most 200 characters.
    line1: Option<String>,
    /// Building, floor and the like; at most 200 characters.
    line2: Option<String>,
    /// The city; at most 100 characters.
    city: Option<String>,
    /// State, province or the like; at most 100 characters.
    region: Option<String>,
    /// The postal code; at most 20 characters.
    postal_code: Option<String>,
    /// The country; two letters of ISO 3166-1, such as DE.
    country: Option<String>,
}

/// The organization as it is on its invoices. What is left out is empty.
#[derive(InputObject)]
pub(crate) struct SellerInput {
    /// The name on invoices, if it is not the organization's own; at most 200 characters.
    name: Option<String>,
    /// The address.
    address: Option<AddressInput>,
    /// The number for value-added tax or the like; at most 50 characters.
    tax_id: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The phone number; at most 50 characters.
    phone: Option<String>,
    /// Who owns the bank account; at most 200 characters.
    account_holder: Option<String>,
    /// The number of the bank account, such as an IBAN; at most 50 characters.
    account_number: Option<String>,
    /// The bank's code, such as a BIC; at most 50 characters.
    bank_code: Option<String>,
    /// The bank's name; at most 200 characters.
    bank_name: Option<String>,
    /// What is said of payment; at most 2,000 characters.
    payment_terms: Option<String>,
    /// What stands at the foot of each page; at most 2,000 characters.
    footer: Option<String>,
}

impl From<SellerInput> for DomainSeller {
    fn from(seller: SellerInput) -> Self {
        Self {
            name: seller.name,
            address: seller.address.map(DomainAddress::from).unwrap_or_default(),
            tax_id: seller.tax_id,
            email: seller.email,
            phone: seller.phone,
            account_holder: seller.account_holder,
            account_number: seller.account_number,
            bank_code: seller.bank_code,
            bank_name: seller.bank_name,
            payment_terms: seller.payment_terms,
            footer: seller.footer,
        }
    }
}

impl From<AddressInput> for DomainAddress {
    fn from(address: AddressInput) -> Self {
        let AddressInput { line1, line2, city, region, postal_code, country } = address;
        Self { line1, line2, city, region, postal_code, country }
    }
}
