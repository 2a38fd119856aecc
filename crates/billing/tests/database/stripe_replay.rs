//! Events that are stored without effect, and how they are applied later.

use tenantry_billing::stripe::{PriceTable, ReceiveError, Received, Waiting, receive, replay};

use crate::stripe::{START, Stripe, prices};

#[tokio::test(flavor = "multi_thread")]
async fn events_pending_for_a_price_are_applied_once_it_has_a_plan() {
    let stripe = Stripe::new().await;
    let life = stripe.life().await;
    stripe.receive(&life.checkout()).await.unwrap();
    let none = PriceTable::default();
    for event in [life.subscription(1, "created", START, "active", 0), life.invoice(2, "paid", START, 0)] {
        let refused = receive(&stripe.worker, event.to_string().as_bytes(), &none).await;
        assert!(matches!(refused, Err(ReceiveError::UnknownPrice { .. })), "{refused:?}");
    }
    for which in [Waiting::Owned, Waiting::All] {
        let replayed = replay(&stripe.worker, &none, which).await.unwrap();
        assert_eq!((replayed.applied, replayed.waiting, replayed.failed.len()), (0, 0, 0), "{replayed:?}");
        assert_eq!(replayed.prices.into_iter().collect::<Vec<_>>(), ["price_pro"]);
    }
    let replayed = replay(&stripe.worker, &prices(), Waiting::Owned).await.unwrap();
    assert_eq!((replayed.applied, replayed.waiting, replayed.prices.len()), (2, 0, 0), "{replayed:?}");
    assert!(stripe.state(&life).await.starts_with("pro active"));
    // The second time there is nothing to do.
    assert_eq!(replay(&stripe.worker, &prices(), Waiting::All).await.unwrap().applied, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_pending_for_a_customer_are_applied_once_it_is_known() {
    let stripe = Stripe::new().await;
    let (life, stranger) = (stripe.life().await, stripe.life().await);
    for life in [&life, &stranger] {
        for event in &life.events()[1..] {
            assert_eq!(stripe.receive(event).await.unwrap(), Received::Waiting);
        }
    }
    let replayed = replay(&stripe.worker, &prices(), Waiting::All).await.unwrap();
    assert_eq!((replayed.applied, replayed.waiting), (0, 10));
    // Events without an organization cost nothing if only the others are tried.
    assert_eq!(replay(&stripe.worker, &prices(), Waiting::Owned).await.unwrap().waiting, 0);
    // The operator has assigned the customer to an organization.
    stripe
        .run(&format!(
            "UPDATE billing.organization_billing SET stripe_customer_id = 'cus_{}' WHERE organization_id = '{}'",
            life.name,
            life.tenant.id()
        ))
        .await;
    let (one, two) = futures_util::future::join(
        replay(&stripe.worker, &prices(), Waiting::Owned),
        replay(&stripe.worker, &prices(), Waiting::All),
    )
    .await;
    assert!(one.unwrap().failed.is_empty() && two.unwrap().failed.is_empty());
    assert!(stripe.state(&life).await.starts_with("pro past_due"), "{}", stripe.state(&life).await);
    assert!(stripe.state(&stranger).await.starts_with("free active"));
    assert_eq!(stripe.number("applied_at IS NULL").await, 5);
}
