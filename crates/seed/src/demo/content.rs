//! The content of the demo: people, clients, projects with their tasks, invoices. Days count from the day before the
//! demo is created; days in the past are negative.

use tenantry_domain::client::ClientStatus::{self, Active, Inactive, Lead};
use tenantry_domain::invoice::InvoiceStatus::{self, Draft, Overdue, Paid, Sent, Void};
use tenantry_domain::project::ProjectKind::{self, Content, Design, Dev, Other};
use tenantry_domain::project::ProjectStatus;
use tenantry_domain::{Grant, Role};

/// Someone who signs in.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) email: &'static str,
}

/// A tenant and its data. Numbers are indexes into the lists.
pub(super) struct Organization {
    pub(super) name: &'static str,
    pub(super) slug: &'static str,
    pub(super) plan: &'static str,
    /// The owner who created it comes first.
    pub(super) members: &'static [(usize, Role)],
    /// The name, and whether it is private. The default workspace comes first.
    pub(super) workspaces: &'static [(&'static str, bool)],
    /// Workspace, person, grant.
    pub(super) workspace_grants: &'static [(usize, usize, Grant)],
    /// Project, person, grant.
    pub(super) project_grants: &'static [(usize, usize, Grant)],
    pub(super) clients: &'static [Client],
    pub(super) projects: &'static [Project],
    pub(super) invoices: &'static [Invoice],
}

/// Name, e-mail address, company, status.
pub(super) type Client = (&'static str, &'static str, Option<&'static str>, ClientStatus);

/// A project and its tasks.
pub(super) struct Project {
    pub(super) client: Option<usize>,
    pub(super) workspace: usize,
    pub(super) name: &'static str,
    pub(super) kind: ProjectKind,
    pub(super) status: ProjectStatus,
    /// In major units.
    pub(super) budget: Option<i64>,
    pub(super) days: (i64, i64),
    /// Titles, each with the titles of its subtasks.
    pub(super) tasks: &'static [(&'static str, &'static [&'static str])],
}

/// An invoice for a project's client.
pub(super) struct Invoice {
    pub(super) project: usize,
    pub(super) status: InvoiceStatus,
    pub(super) day: i64,
    pub(super) due_in_days: i64,
    /// Description, quantity and rate; quantity in quarters, rate in cents.
    pub(super) lines: &'static [(&'static str, i64, i64)],
}

const fn project(
    client: Option<usize>,
    workspace: usize,
    name: &'static str,
    (kind, status): (ProjectKind, ProjectStatus),
    budget: Option<i64>,
    days: (i64, i64),
    tasks: &'static [(&'static str, &'static [&'static str])],
) -> Project {
    Project { client, workspace, name, kind, status, budget, days, tasks }
}

const fn invoice(
    project: usize,
    status: InvoiceStatus,
    day: i64,
    due_in_days: i64,
    lines: &'static [(&'static str, i64, i64)],
) -> Invoice {
    Invoice { project, status, day, due_in_days, lines }
}

/// The status of a project.
use ProjectStatus::{Active as Open, Archived, Completed};

pub(super) const PEOPLE: &[Person] = &[
    Person { name: "Ada Lindqvist", email: "ada@northwind.example" },
    Person { name: "Ben Okafor", email: "ben@northwind.example" },
    Person { name: "Chiara Rossi", email: "chiara@northwind.example" },
    Person { name: "Daniel Kim", email: "daniel@northwind.example" },
    Person { name: "Elif Yıldız", email: "elif@northwind.example" },
    Person { name: "Farid Haddad", email: "farid@riverside.example" },
    Person { name: "Grace Brown", email: "grace@globex.example" },
];

pub(super) const ORGANIZATIONS: &[Organization] = &[NORTHWIND, GLOBEX];

const NORTHWIND: Organization = Organization {
    name: "Northwind Studio",
    slug: "northwind",
    plan: "pro",
    members: &[
        (0, Role::Owner),
        (1, Role::Admin),
        (2, Role::Member),
        (3, Role::Member),
        (4, Role::Viewer),
        (5, Role::Guest),
        (6, Role::Member),
    ],
    workspaces: &[("General", false), ("Leadership", true), ("Marketing", false)],
    workspace_grants: &[(1, 2, Grant::Edit), (1, 4, Grant::View)],
    project_grants: &[(0, 5, Grant::Edit), (1, 5, Grant::View), (13, 3, Grant::View)],
    clients: &[
        ("Riverside Bakery", "hello@riverside.example", Some("Riverside Bakery Ltd"), Active),
        ("Café Lumière", "bonjour@lumiere.example", Some("Lumière SARL"), Active),
        ("Fjord Outfitters", "post@fjord.example", Some("Fjord Outfitters AS"), Active),
        ("نور للتصميم", "salam@noor.example", Some("Noor Interiors"), Active),
        ("Acorn Dental", "desk@acorn.example", Some("Acorn Dental Group"), Active),
        ("田中ロボティクス", "info@tanaka.example", Some("Tanaka Robotics"), Active),
        ("Helios Energy", "projects@helios.example", Some("Helios Energy SE"), Lead),
        ("Maya Thistle", "maya@thistle.example", None, Inactive),
    ],
    projects: &[
        project(
            Some(0),
            0,
            "Website rebuild",
            (Dev, Open),
            Some(24_000),
            (-70, 25),
            &[
                ("Agree on the sitemap", &["Collect the old addresses", "Ask about the wholesale page"]),
                ("Write the copy for the home page", &[]),
                ("Build the product pages", &["Breads", "Cakes 🎂", "Seasonal"]),
                ("Set up ordering for collection", &[]),
                ("Move the newsletter archive", &[]),
                ("Test on slow phones", &[]),
                ("Launch 🚀", &["Switch the name servers", "Watch the error log for a day"]),
            ],
        ),
        project(
            Some(0),
            0,
            "Brand refresh",
            (Design, Completed),
            Some(9_500),
            (-160, -75),
            &[
                ("Interview the founders", &[]),
                ("Three directions for the logo", &["Wheat", "Bridge", "Lettering"]),
                ("Paper bags and boxes", &[]),
                ("Shop window lettering", &[]),
                ("Hand over the files", &[]),
            ],
        ),
        project(
            Some(1),
            0,
            "Booking system",
            (Dev, Open),
            Some(18_000),
            (-45, 40),
            &[
                ("Model tables and opening hours", &[]),
                ("Reservation form", &["Validate the party size", "Réviser le texte de confirmation"]),
                ("Reminder by SMS", &[]),
                ("Staff view for the evening", &[]),
                ("Import last year's guests", &[]),
                ("Agree on the deposit rules", &[]),
            ],
        ),
        project(
            Some(1),
            2,
            "Autumn menu campaign",
            (Content, Completed),
            Some(3_200),
            (-110, -60),
            &[
                ("Photograph eight dishes", &[]),
                ("Write the menu notes", &[]),
                ("Schedule the posts", &[]),
                ("Report on reach", &[]),
            ],
        ),
        project(
            Some(2),
            0,
            "Online shop",
            (Dev, Open),
            Some(52_000),
            (-120, 60),
            &[
                ("Connect the warehouse", &["Map article numbers", "Retry failed orders"]),
                ("Size guide", &[]),
                ("Checkout with local payment methods", &["Vipps", "Klarna"]),
                ("Returns portal", &[]),
                ("Search with typo tolerance", &[]),
                ("Load test before Black Friday", &[]),
                ("Translate into Norwegian and German", &["Größentabelle übersetzen"]),
            ],
        ),
        project(
            Some(2),
            2,
            "Winter lookbook",
            (Content, Open),
            Some(12_000),
            (-20, 30),
            &[
                ("Scout locations", &[]),
                ("Book the photographer", &[]),
                ("Layout of 24 pages", &[]),
                ("Print proof", &[]),
            ],
        ),
        project(
            Some(3),
            0,
            "Arabic website",
            (Design, Open),
            Some(15_500),
            (-35, 50),
            &[
                ("مراجعة الصفحة الرئيسية", &["اختيار الخط"]),
                ("Mirror the layout for right-to-left", &[]),
                ("Gallery of finished rooms", &[]),
                ("Contact form with WhatsApp", &[]),
                ("Check numerals and dates", &[]),
            ],
        ),
        project(
            Some(4),
            0,
            "Patient portal",
            (Dev, Open),
            Some(38_000),
            (-90, 15),
            &[
                ("Sign in with a code", &[]),
                ("Appointments", &["Cancel up to 24 hours before", "Waiting list"]),
                ("Send documents securely", &[]),
                ("Accessibility audit", &["Contrast", "Screen reader", "Keyboard only"]),
                ("Train the front desk", &[]),
                ("Sign the data processing agreement", &[]),
            ],
        ),
        project(
            Some(4),
            0,
            "Support retainer",
            (Other, Open),
            Some(1_200),
            (-200, 160),
            &[
                ("Monthly updates", &[]),
                ("Check the backups", &[]),
                ("Renew the certificate", &[]),
                ("Answer questions from the practice", &[]),
            ],
        ),
        project(
            Some(5),
            0,
            "Product pages in Japanese",
            (Content, Open),
            Some(8_800),
            (-15, 35),
            &[
                ("ランディングページの文言を見直す", &[]),
                ("Specification tables", &[]),
                ("Video with subtitles", &["字幕を確認する"]),
                ("Review with the distributor", &[]),
            ],
        ),
        project(
            Some(5),
            0,
            "Trade fair stand",
            (Design, Archived),
            Some(21_000),
            (-260, -180),
            &[("Floor plan", &[]), ("Back wall", &[]), ("Interactive demo", &[]), ("Transport and set-up", &[])],
        ),
        project(
            Some(6),
            2,
            "Proposal for the investor site",
            (Other, Open),
            None,
            (-10, 12),
            &[("Understand the reporting duties", &[]), ("Estimate", &[]), ("Presentation", &[])],
        ),
        project(
            Some(7),
            0,
            "Author website",
            (Dev, Archived),
            Some(4_000),
            (-330, -240),
            &[("Design", &[]), ("Reading dates", &[]), ("Hand over", &[])],
        ),
        project(
            None,
            1,
            "Budget and hiring",
            (Other, Open),
            None,
            (-60, 45),
            &[
                ("Plan next year's salaries", &[]),
                ("Job ad for a second designer", &["Agree on the salary range"]),
                ("Interviews", &[]),
                ("Renegotiate the office lease", &[]),
            ],
        ),
        project(
            None,
            0,
            "Our own website",
            (Design, Open),
            None,
            (-40, 80),
            &[
                ("New case studies", &["Riverside Bakery", "Fjord Outfitters"]),
                ("Photos of the team", &[]),
                ("Say what we do not do", &[]),
                ("Dark theme", &[]),
            ],
        ),
    ],
    invoices: &[
        invoice(10, Paid, -200, 30, &[("Stand design", 4 * 60, 11_000), ("On-site support, 2 days", 8, 90_000)]),
        invoice(12, Paid, -235, 14, &[("Author website, fixed price", 4, 400_000)]),
        invoice(1, Paid, -120, 30, &[("Logo and brand guide", 4, 650_000)]),
        invoice(1, Void, -80, 14, &[("Packaging", 4, 300_000)]),
        invoice(1, Paid, -78, 14, &[("Packaging", 4, 280_000), ("Loyalty discount", 4, -20_000)]),
        invoice(
            4,
            Paid,
            -75,
            30,
            &[("Development, first third", 4 * 40, 250_000), ("Interface design", 4 * 16, 300_000)],
        ),
        invoice(3, Paid, -58, 14, &[("Photography", 4 * 8, 15_000), ("Copywriting", 4 * 12, 9_500)]),
        invoice(7, Overdue, -52, 30, &[("Development", 4 * 85, 11_000), ("Accessibility audit", 4, 240_000)]),
        invoice(0, Paid, -40, 14, &[("Concept and design", 4 * 45, 10_500)]),
        invoice(8, Paid, -31, 14, &[("Support, last month", 4, 120_000)]),
        invoice(2, Overdue, -30, 14, &[("Reservation form", 4 * 38, 10_500), ("Hosting, one year", 4, 36_000)]),
        invoice(4, Sent, -18, 30, &[("Development, second third", 4 * 120, 11_500)]),
        invoice(6, Sent, -9, 30, &[("Right-to-left layout", 4 * 22, 11_000), ("Typeface licence", 4, 42_000)]),
        invoice(0, Sent, -4, 14, &[("Product pages", 4 * 36, 10_500), ("Testing", 38, 9_000)]),
        invoice(8, Draft, -1, 14, &[("Support, this month", 4, 120_000)]),
        invoice(9, Draft, -1, 30, &[("Translation, per word", 4 * 4_200, 18), ("Review", 4 * 6, 9_500)]),
    ],
};

const GLOBEX: Organization = Organization {
    name: "Globex",
    slug: "globex",
    plan: "free",
    members: &[(6, Role::Owner)],
    workspaces: &[("General", false)],
    workspace_grants: &[],
    project_grants: &[],
    clients: &[
        ("Copper Kettle", "tea@copperkettle.example", Some("Copper Kettle Ltd"), Active),
        ("Olive Branch", "hello@olivebranch.example", Some("Olive Branch Foods"), Active),
    ],
    projects: &[
        project(
            Some(0),
            0,
            "Label design",
            (Design, Open),
            Some(2_400),
            (-30, 20),
            &[("Sketch four labels", &[]), ("Check the allergen rules", &[]), ("Send to the printer", &[])],
        ),
        project(
            Some(1),
            0,
            "Recipe blog",
            (Content, Open),
            Some(1_800),
            (-25, 60),
            &[("Six autumn recipes", &["Quince", "Chestnut"]), ("Set up comments", &[])],
        ),
        project(None, 0, "Bookkeeping", (Other, Open), None, (-90, 90), &[("Sort the receipts 🧾", &[])]),
    ],
    invoices: &[
        invoice(0, Paid, -25, 14, &[("Sketches", 4 * 10, 8_000)]),
        invoice(1, Sent, -6, 14, &[("Three recipes", 12, 15_000)]),
    ],
};
