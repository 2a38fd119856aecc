//! Who an invoice is from and whom it is for: names, addresses, tax numbers, bank accounts.

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::validate::Violations;

/// A postal address. Each part may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Street and number; at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line1: Option<String>,
    /// Building, floor and the like; at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// At most 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State, province or the like; at most 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// At most 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Two letters of ISO 3166-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// The organization as it is on its invoices.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seller {
    /// The name on invoices; at most 200 characters. The organization's own name if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address.
    pub address: Address,
    /// The number for value-added tax or the like; at most 50 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The phone number; at most 50 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Who owns the bank account; at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_holder: Option<String>,
    /// The number of the bank account, such as an IBAN; at most 50 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_number: Option<String>,
    /// The bank's code, such as a BIC; at most 50 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_code: Option<String>,
    /// The bank's name; at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_name: Option<String>,
    /// What is said of payment; at most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_terms: Option<String>,
    /// What stands at the foot of each page; at most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
}

/// The client as it is on an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Buyer {
    /// The client's name.
    pub name: String,
    /// The client's company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The address.
    pub address: Address,
    /// The number for value-added tax or the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Who an invoice is from and whom it is for, as they were when it was issued.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Parties {
    /// Who it is from. The name is always there.
    pub seller: Seller,
    /// Whom it is for.
    pub buyer: Buyer,
}

impl Address {
    /// The address as it is stored; its faults are added to `v`.
    #[must_use]
    pub fn checked(self, v: &mut Violations) -> Self {
        Self {
            line1: v.optional_text("line1", self.line1.as_deref(), 200),
            line2: v.optional_text("line2", self.line2.as_deref(), 200),
            city: v.optional_text("city", self.city.as_deref(), 100),
            region: v.optional_text("region", self.region.as_deref(), 100),
            postal_code: v.optional_text("postalCode", self.postal_code.as_deref(), 20),
            country: v.optional_country("country", self.country.as_deref()),
        }
    }
}

impl Seller {
    /// The seller as it is stored; its faults are added to `v`.
    #[must_use]
    pub fn checked(self, v: &mut Violations) -> Self {
        let mut of_address = Violations::default();
        let address = self.address.checked(&mut of_address);
        v.0.extend(of_address.0.into_iter().map(|fault| fault.within(&["address"])));
        Self {
            name: v.optional_text("name", self.name.as_deref(), 200),
            address,
            tax_id: v.optional_text("taxId", self.tax_id.as_deref(), 50),
            email: v.optional_email("email", self.email.as_deref()),
            phone: v.optional_text("phone", self.phone.as_deref(), 50),
            account_holder: v.optional_text("accountHolder", self.account_holder.as_deref(), 200),
            account_number: v.optional_text("accountNumber", self.account_number.as_deref(), 50),
            bank_code: v.optional_text("bankCode", self.bank_code.as_deref(), 50),
            bank_name: v.optional_text("bankName", self.bank_name.as_deref(), 200),
            payment_terms: v.optional_prose("paymentTerms", self.payment_terms.as_deref(), 2_000),
            footer: v.optional_prose("footer", self.footer.as_deref(), 2_000),
        }
    }
}

impl From<Client> for Buyer {
    fn from(client: Client) -> Self {
        let address = Address {
            line1: client.address_line1,
            line2: client.address_line2,
            city: client.city,
            region: client.region,
            postal_code: client.postal_code,
            country: client.country,
        };
        Self { name: client.name, company: client.company, address, tax_id: client.tax_id, email: client.email }
    }
}
