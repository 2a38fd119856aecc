//! The life of an organization's subscription.

use crate::text_enum::text_enum;

text_enum! {
    /// Where a subscription stands.
    SubscriptionStatus {
        /// Paid for (or free).
        Active = "active",
        /// Free of charge for a while.
        Trialing = "trialing",
        /// A payment failed; access lasts until the period's end plus a grace.
        PastDue = "past_due",
        /// Ended; the limits of the free plan hold from the period's end.
        Canceled = "canceled",
        /// The first payment is still open.
        Incomplete = "incomplete",
    }
}
