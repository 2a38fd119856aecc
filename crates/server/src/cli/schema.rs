//! `tenantry schema`: the GraphQL schema as text.

/// Prints it as it is committed, to the byte.
pub(super) fn run() {
    super::say(tenantry_graphql::sdl().trim_end());
}
