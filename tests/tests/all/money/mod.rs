//! Invoices and what is paid: amounts, taxes, numbers, and the states of an invoice.

mod life;
mod numbers;
mod reports;
mod settings;
mod taxes;
mod transactions;
mod work;
