# The commands of the README, for people who have just.

# List the recipes.
default:
    @just --list

# Start a private database, load demo data, and serve.
dev *args:
    scripts/bootstrap && cargo run --locked -- dev {{args}}

# Format, lints, documentation and every test.
test *names:
    scripts/bootstrap && scripts/test {{names}}

# Write schema.graphql anew.
schema:
    cargo run --locked --quiet -- schema > schema.graphql

# Write the committed expansion of the derive anew.
expand:
    TENANTRY_UPDATE_EXPANSION=1 cargo test --locked --package tenantry-noun --quiet

# Compare with the floor and the peer, and print one table.
bench *args:
    scripts/bootstrap && bench/run {{args}}

# The soak of a million requests over five connections.
soak:
    scripts/bootstrap && TENANTRY_SOAK_REQUESTS=1000000 cargo test --release --locked --package tenantry-tests --test abuse soak -- --nocapture

# Move tasks into one gap 10,000 times.
moves:
    scripts/bootstrap && TENANTRY_TEST_MOVES=10000 scripts/test moves_into_one_gap

# Race for the last one of everything that a plan limits, 20 rounds in every way.
races:
    scripts/bootstrap && TENANTRY_RACE_ROUNDS=20 scripts/test races::

# Compare 10,000 made-up documents and 2,000 answers with the reference implementation of GraphQL, from a new seed.
reference:
    TENANTRY_REFERENCE_DOCUMENTS=10000 TENANTRY_REFERENCE_ANSWERS=2000 TENANTRY_REFERENCE_SEED=$(date +%s) \
        cargo nextest run --workspace --all-features --locked -E 'binary(reference)' --no-capture

# The checks of dependencies, licences and advisories.
deny:
    cargo deny --locked check

# Five hundred clients repeat one mutation twenty times each, to two processes.
storm:
    TENANTRY_STORM_CLIENTS=500 cargo nextest run --package tenantry-tests --all-features --locked --no-capture one_invoice_comes_of_a_storm
