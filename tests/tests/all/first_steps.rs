//! From a database with nothing in it to the first answer, with the commands that an operator has.

use std::process::Output;

use reqwest::Client;
use serde_json::{Value, json};
use tenantry_devdb::shared::TestDatabase;
use tenantry_tests::TestApp;
use tenantry_token::generate_dev_key;

use crate::startup::{fails, tenantry};

/// The command's whole output, without the end of the line. It must succeed.
async fn prints(mut command: tokio::process::Command) -> String {
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().trim_end().to_owned()
}

fn create_user(database: &TestDatabase, email: &str, name: &str) -> tokio::process::Command {
    let mut command = tenantry(&["user", "create", "--email", email, "--name", name]);
    command.env("MIGRATE_DATABASE_URL", database.owner_url());
    command
}

fn create_organization(database: &TestDatabase, slug: &str, owner: &str) -> tokio::process::Command {
    let mut command = tenantry(&["organization", "create", "--name", "Acme", "--slug", slug, "--owner", owner]);
    command.env("DATABASE_URL", database.app_url());
    command
}

#[tokio::test]
async fn an_empty_database_gets_its_first_user_organization_and_token() {
    let database = TestApp::database().await;
    let user = prints(create_user(&database, "Zoe@Example.com", "Zoë")).await;
    assert!(user.starts_with("user_"), "{user}");
    let organization = prints(create_organization(&database, "acme", "zoe@example.COM")).await;
    assert!(organization.starts_with("org_"), "{organization}");

    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    generate_dev_key(&key).unwrap();
    let settings = |command: &mut tokio::process::Command| {
        command.env("DATABASE_URL", database.app_url()).env("TENANTRY_LISTEN", "127.0.0.1:0");
        command.env("TENANTRY_JWT_ISSUER", "tests").env("TENANTRY_JWT_AUDIENCE", "tests");
        command.env("TENANTRY_JWT_ALGORITHM", "HS256").env("TENANTRY_JWT_KEY_FILE", &key);
        command.env("TENANTRY_FILES", folder.path().join("files"));
    };
    let mut token = tenantry(&["token", "--organization", "acme", "--email", "zoe@example.com"]);
    settings(&mut token);
    let token = prints(token).await;

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut serve = tenantry(&["serve"]);
    settings(&mut serve);
    serve.env("TENANTRY_LISTEN", free.to_string()).stderr(std::process::Stdio::null());
    let _server = serve.spawn().unwrap();
    let http = Client::builder().no_proxy().build().unwrap();
    let query = json!({ "query": "{ viewer { role member { id name email } } organization { id slug } \
                                  workspaces { nodes { name isDefault } } }" });
    let request = || http.post(format!("http://{free}/graphql")).bearer_auth(&token).json(&query).send();
    let answer = async {
        loop {
            if let Ok(answer) = request().await {
                break answer.json::<Value>().await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::time::timeout(std::time::Duration::from_secs(30), answer).await.expect("it serves");
    let expected = json!({ "data": {
        "viewer": { "role": "OWNER", "member": { "id": user, "name": "Zoë", "email": "zoe@example.com" } },
        "organization": { "id": organization, "slug": "acme" },
        "workspaces": { "nodes": [{ "name": "General", "isDefault": true }] },
    }, "extensions": answer["extensions"] });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn what_cannot_be_created_is_said_in_one_line() {
    let database = TestApp::database().await;
    prints(create_user(&database, "zoe@example.com", "Zoë")).await;
    let taken = fails(create_user(&database, "ZOE@example.com", "Zoë")).await;
    assert!(taken.contains("email") && taken.contains("already"), "{taken}");
    let malformed = fails(create_user(&database, "zoe", " ")).await;
    assert!(malformed.contains("email") && malformed.contains("name"), "{malformed}");
    let mut as_app = create_user(&database, "b@example.com", "B");
    as_app.env("MIGRATE_DATABASE_URL", database.app_url());
    assert!(fails(as_app).await.contains("tenantry_owner"), "it says which role is needed");

    let unknown = fails(create_organization(&database, "acme", "nobody@example.com")).await;
    assert!(unknown.contains("there is no user nobody@example.com") && unknown.contains("tenantry user create"));
    let malformed = fails(create_organization(&database, "Not A Slug", "zoe@example.com")).await;
    assert!(malformed.contains("slug"), "{malformed}");
    prints(create_organization(&database, "acme", "zoe@example.com")).await;
    let taken = fails(create_organization(&database, "acme", "zoe@example.com")).await;
    assert!(taken.contains("slug"), "{taken}");
}
