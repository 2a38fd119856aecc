//! The plans and what each allows. They are the same for all organizations, so there is no row-level security. The
//! application reads them; the owner changes them row by row, without a deploy.

use crate::roles::TENANT_ROLES;

/// The features that have a limit, for the CHECK of every table that names one.
pub(crate) const FEATURES: &str =
    "'active_clients', 'projects', 'invoices_per_month', 'vault_items', 'team_members', 'api_calls_per_month'";

/// Feature, then its limit in free, solo, pro and enterprise.
const LIMITS: [(&str, [Option<u32>; 4]); 6] = [
    ("active_clients", [Some(3), Some(15), None, None]),
    ("projects", [Some(5), Some(50), None, None]),
    ("invoices_per_month", [Some(5), Some(30), None, None]),
    ("vault_items", [Some(10), Some(100), None, None]),
    ("team_members", [Some(1), Some(3), Some(10), None]),
    ("api_calls_per_month", [Some(1_000), Some(20_000), Some(50_000), None]),
];

/// Id and name, cheapest first.
const PLANS: [(&str, &str); 4] = [("free", "Free"), ("solo", "Solo"), ("pro", "Pro"), ("enterprise", "Enterprise")];

pub(crate) fn up() -> String {
    let plans = PLANS.iter().zip(0..).map(|((id, name), rank)| format!("('{id}', '{name}', {rank})"));
    let features = LIMITS.iter().flat_map(|(feature, limits)| {
        PLANS.iter().zip(limits).map(move |((plan, _), limit)| {
            let limit = limit.map_or_else(|| "NULL".to_owned(), |limit| limit.to_string());
            format!("('{plan}', '{feature}', {limit})")
        })
    });
    let plans = plans.collect::<Vec<_>>().join(",\n    ");
    let features = features.collect::<Vec<_>>().join(",\n    ");
    format!(
        "CREATE TABLE billing.plans (
    id text NOT NULL,
    name text NOT NULL,
    rank integer NOT NULL,
    is_public boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT plans_pkey PRIMARY KEY (id),
    -- As UNIQUE, but no key that something could refer to: a change of one, deferrable or not, locks the row against everybody who
    -- refers to it, so that no organization could be founded meanwhile. Deferrable, so that ranks can trade places.
    CONSTRAINT plans_rank_excl EXCLUDE USING btree (rank WITH =) DEFERRABLE,
    CONSTRAINT plans_id_check CHECK (id ~ '^[a-z][a-z0-9_]*$' AND char_length(id) <= 63),
    CONSTRAINT plans_name_check CHECK (char_length(name) <= 200 AND btrim(name) <> '')
);
COMMENT ON COLUMN billing.plans.rank IS 'Cheapest first: the plan to suggest is the lowest that allows it.';

CREATE TABLE billing.plan_features (
    plan text NOT NULL,
    feature text NOT NULL,
    limit_value bigint,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT plan_features_pkey PRIMARY KEY (plan, feature),
    CONSTRAINT plan_features_plan_fkey FOREIGN KEY (plan) REFERENCES billing.plans (id) ON DELETE CASCADE,
    CONSTRAINT plan_features_feature_check CHECK (feature IN ({FEATURES})),
    CONSTRAINT plan_features_limit_value_check CHECK (limit_value >= 0)
);
COMMENT ON COLUMN billing.plan_features.limit_value IS 'NULL: unlimited.';

INSERT INTO billing.plans (id, name, rank) VALUES
    {plans};
INSERT INTO billing.plan_features (plan, feature, limit_value) VALUES
    {features};

GRANT SELECT ON billing.plans, billing.plan_features TO {TENANT_ROLES};"
    )
}

pub(crate) fn down() -> String {
    "DROP TABLE billing.plan_features;\nDROP TABLE billing.plans;".to_owned()
}
