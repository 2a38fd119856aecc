//! Prints the SQL of all migrations, for a reviewer or a linter: `cargo run -p tenantry-migration --example sql [down]`.

fn main() {
    let down = std::env::args().nth(1).is_some_and(|argument| argument == "down");
    let mut scripts = tenantry_migration::scripts();
    if down {
        scripts.reverse();
    }
    for script in scripts {
        println!("-- {}\nBEGIN;\n{}COMMIT;\n", script.name, if down { script.down } else { script.up });
    }
}
