//! Names and titles that look like those of real organizations, in several scripts, because software that was only
//! tested with ASCII has bugs.

use tenantry_domain::project::ProjectKind;

use crate::chance::Chance;

/// Given names as written, and as used in an e-mail address.
const GIVEN: &[(&str, &str)] = &[
    ("Ada", "ada"),
    ("Amara", "amara"),
    ("Amélie", "amelie"),
    ("Anil", "anil"),
    ("Astrid", "astrid"),
    ("Beatriz", "beatriz"),
    ("Björn", "bjorn"),
    ("Carlos", "carlos"),
    ("Chinwe", "chinwe"),
    ("Chloé", "chloe"),
    ("Dmitri", "dmitri"),
    ("Elif", "elif"),
    ("Emma", "emma"),
    ("Farid", "farid"),
    ("Grace", "grace"),
    ("Hana", "hana"),
    ("Hiroshi", "hiroshi"),
    ("Ingrid", "ingrid"),
    ("Ivana", "ivana"),
    ("James", "james"),
    ("João", "joao"),
    ("Kwame", "kwame"),
    ("Lena", "lena"),
    ("Liam", "liam"),
    ("Łukasz", "lukasz"),
    ("Maya", "maya"),
    ("Mei", "mei"),
    ("Miguel", "miguel"),
    ("Nadia", "nadia"),
    ("Noah", "noah"),
    ("Olga", "olga"),
    ("Omar", "omar"),
    ("Priya", "priya"),
    ("Rahul", "rahul"),
    ("Renée", "renee"),
    ("Samuel", "samuel"),
    ("Siobhán", "siobhan"),
    ("Sofía", "sofia"),
    ("Thandiwe", "thandiwe"),
    ("Tomáš", "tomas"),
    ("Victor", "victor"),
    ("Wei", "wei"),
    ("Yara", "yara"),
    ("Zoë", "zoe"),
    ("أمينة", "amina"),
    ("דוד", "david"),
    ("さくら", "sakura"),
    ("Ольга", "olga"),
];

const FAMILY: &[(&str, &str)] = &[
    ("Adeyemi", "adeyemi"),
    ("Almeida", "almeida"),
    ("Bergström", "bergstrom"),
    ("Brown", "brown"),
    ("Chen", "chen"),
    ("Costa", "costa"),
    ("Dubois", "dubois"),
    ("Eriksen", "eriksen"),
    ("Fernández", "fernandez"),
    ("Fischer", "fischer"),
    ("García", "garcia"),
    ("Haddad", "haddad"),
    ("Hansen", "hansen"),
    ("Iyer", "iyer"),
    ("Johnson", "johnson"),
    ("Kaya", "kaya"),
    ("Kim", "kim"),
    ("Kowalski", "kowalski"),
    ("Lefèvre", "lefevre"),
    ("Lindqvist", "lindqvist"),
    ("Mensah", "mensah"),
    ("Moreau", "moreau"),
    ("Müller", "muller"),
    ("Nakamura", "nakamura"),
    ("Nguyễn", "nguyen"),
    ("Novák", "novak"),
    ("O’Brien", "obrien"),
    ("Okafor", "okafor"),
    ("Patel", "patel"),
    ("Petrov", "petrov"),
    ("Rossi", "rossi"),
    ("Santos", "santos"),
    ("Schmidt", "schmidt"),
    ("Sharma", "sharma"),
    ("Silva", "silva"),
    ("Singh", "singh"),
    ("Smith", "smith"),
    ("Suzuki", "suzuki"),
    ("Tanaka", "tanaka"),
    ("Virtanen", "virtanen"),
    ("Wagner", "wagner"),
    ("Williams", "williams"),
    ("Yıldız", "yildiz"),
    ("Zhang", "zhang"),
];

/// First words of company names, as written and as used in an e-mail address.
const COMPANY: &[(&str, &str)] = &[
    ("Acorn", "acorn"),
    ("Aurora", "aurora"),
    ("Bluebird", "bluebird"),
    ("Brightside", "brightside"),
    ("Café Lumière", "lumiere"),
    ("Cascade", "cascade"),
    ("Cobalt", "cobalt"),
    ("Copper Kettle", "copperkettle"),
    ("Driftwood", "driftwood"),
    ("Elmwood", "elmwood"),
    ("Evergreen", "evergreen"),
    ("Fjord", "fjord"),
    ("Foundry", "foundry"),
    ("Granite", "granite"),
    ("Harbor", "harbor"),
    ("Hearth & Home", "hearthhome"),
    ("Helios", "helios"),
    ("Indigo", "indigo"),
    ("Juniper", "juniper"),
    ("Kite", "kite"),
    ("Lantern", "lantern"),
    ("Lighthouse", "lighthouse"),
    ("Maple", "maple"),
    ("Meridian", "meridian"),
    ("Mosaic", "mosaic"),
    ("Nimbus", "nimbus"),
    ("Oak & Iron", "oakiron"),
    ("Olive Branch", "olivebranch"),
    ("Orchard", "orchard"),
    ("Pebble", "pebble"),
    ("Pioneer", "pioneer"),
    ("Quartz", "quartz"),
    ("Redwood", "redwood"),
    ("Riverside", "riverside"),
    ("Saffron", "saffron"),
    ("Sierra", "sierra"),
    ("Silverline", "silverline"),
    ("Skyline", "skyline"),
    ("Summit", "summit"),
    ("Tandem", "tandem"),
    ("Thistle", "thistle"),
    ("Umbra", "umbra"),
    ("Vantage", "vantage"),
    ("Weiß", "weiss"),
    ("Willow", "willow"),
    ("Zenith", "zenith"),
    ("نور", "noor"),
    ("東雲", "shinonome"),
    ("Солнце", "solntse"),
    ("שקד", "shaked"),
];

/// Second words of the names of companies that have clients.
const AGENCY: &[(&str, &str)] = &[
    ("Studio", "studio"),
    ("Collective", "collective"),
    ("Digital", "digital"),
    ("Works", "works"),
    ("Partners", "partners"),
    ("Creative", "creative"),
    ("Labs", "labs"),
    ("Consulting", "consulting"),
    ("Design", "design"),
    ("Software", "software"),
];

const TRADE: &[(&str, &str)] = &[
    ("Bakery", "bakery"),
    ("Dental", "dental"),
    ("Logistics", "logistics"),
    ("Foods", "foods"),
    ("Capital", "capital"),
    ("Architects", "architects"),
    ("Energy", "energy"),
    ("Fitness", "fitness"),
    ("Media", "media"),
    ("Hotels", "hotels"),
    ("Travel", "travel"),
    ("Interiors", "interiors"),
    ("Legal", "legal"),
    ("Health", "health"),
    ("Robotics", "robotics"),
    ("Books", "books"),
    ("Outfitters", "outfitters"),
    ("Vineyards", "vineyards"),
    ("Academy", "academy"),
    ("Cycles", "cycles"),
];

const PROJECTS: [(ProjectKind, &[&str]); 4] = [
    (
        ProjectKind::Dev,
        &[
            "Website rebuild",
            "Customer portal",
            "Mobile app",
            "Booking system",
            "Online shop",
            "API integration",
            "Data migration",
            "Internal dashboard",
            "Performance work",
            "Single sign-on",
        ],
    ),
    (
        ProjectKind::Design,
        &[
            "Brand refresh",
            "Design system",
            "Packaging",
            "Logo and stationery",
            "Onboarding redesign",
            "Trade fair stand",
            "Icon set",
            "Annual report layout",
        ],
    ),
    (
        ProjectKind::Content,
        &[
            "Newsletter",
            "Launch campaign",
            "Product video",
            "Case studies",
            "Documentation",
            "Photo library",
            "Blog",
            "Podcast",
        ],
    ),
    (
        ProjectKind::Other,
        &["Workshop series", "Support retainer", "Office move", "Hiring", "Accessibility audit", "Security review"],
    ),
];

const VERBS: &[&str] = &[
    "Review",
    "Draft",
    "Fix",
    "Update",
    "Design",
    "Test",
    "Write",
    "Prepare",
    "Check",
    "Set up",
    "Refine",
    "Document",
    "Move",
    "Clean up",
    "Approve",
    "Translate",
    "Measure",
    "Plan",
    "Publish",
    "Replace",
];

const OBJECTS: &[&str] = &[
    "the landing page",
    "the sign-up form",
    "the checkout",
    "the price list",
    "the image gallery",
    "the contact form",
    "the release notes",
    "the search results",
    "the invoice template",
    "the colour palette",
    "the home page hero",
    "the e-mail sequence",
    "the onboarding tour",
    "the navigation",
    "the footer links",
    "the import script",
    "the backup schedule",
    "the access rights",
    "the cookie notice",
    "the style guide",
    "the product photos",
    "the interview questions",
    "the storyboard",
    "the error messages",
    "the date picker",
    "the staging server",
    "the export to CSV",
    "the keyboard shortcuts",
    "the dark theme",
    "the press kit",
];

const TAILS: &[&str] = &[
    "for mobile",
    "before the launch",
    "with the client",
    "after feedback",
    "in German",
    "for the board",
    "on Safari",
    "(second round)",
    "with real data",
    "for accessibility",
];

/// Whole titles in other scripts and with text that often causes bugs: emoji of several code points, right-to-left,
/// combining marks.
const FOREIGN: &[&str] = &[
    "🚀 Launch checklist",
    "🐛 Fix the double submit",
    "Overhaul “About us” – naïve café copy",
    "مراجعة الصفحة الرئيسية",
    "לעדכן את טופס ההרשמה",
    "ランディングページの文言を見直す",
    "Проверить письмо после оплаты",
    "Überprüfung der Bühnenmaße",
    "检查移动端导航",
    "👩‍👩‍👧 Family plan page",
    "Réviser l’écran d’accueil",
    "Sửa lỗi tải ảnh",
];

const SENTENCES: &[&str] = &[
    "The client asked for this in the last call.",
    "See the notes from the workshop.",
    "Keep the old address working.",
    "Ask first whether the wording is final.",
    "Compare with last year's version.",
    "There is a *draft* in the shared folder.",
    "Depends on the new photos.",
    "Two variants are enough.",
    "- [ ] desktop\n- [ ] tablet\n- [ ] phone",
    "Low effort, but it comes up in every demo.",
    "The numbers come from the March report.",
    "Mind the contrast ratio.",
];

/// A person: the name, and its form in an e-mail address.
pub(crate) fn person(chance: &mut Chance) -> (String, String) {
    let (given, family) = (chance.pick(GIVEN), chance.pick(FAMILY));
    (format!("{} {}", given.0, family.0), format!("{}.{}", given.1, family.1))
}

/// An organization that works for others: the name, and its form in an e-mail address.
pub(crate) fn agency(chance: &mut Chance) -> (String, String) {
    two_words(chance, AGENCY, "-")
}

/// A company that others work for: the name, and its form in an e-mail address.
pub(crate) fn company(chance: &mut Chance) -> (String, String) {
    two_words(chance, TRADE, "")
}

fn two_words(chance: &mut Chance, seconds: &[(&str, &str)], separator: &str) -> (String, String) {
    let (first, second) = (chance.pick(COMPANY), chance.pick(seconds));
    (format!("{} {}", first.0, second.0), format!("{}{separator}{}", first.1, second.1))
}

/// A telephone number from a range that is reserved for fiction.
pub(crate) fn phone(chance: &mut Chance) -> String {
    format!("+1 {} 555 01{:02}", chance.between(201, 989), chance.below(100))
}

/// A project: its kind and its name.
pub(crate) fn project(chance: &mut Chance) -> (ProjectKind, String) {
    let (kind, names) = chance.weighted(&[(PROJECTS[0], 45), (PROJECTS[1], 25), (PROJECTS[2], 20), (PROJECTS[3], 10)]);
    let name = chance.pick(names);
    match chance.below(3) {
        0 => (kind, format!("{name} {}", chance.between(2023, 2026))),
        1 => (kind, format!("{name} – phase {}", chance.between(1, 4))),
        _ => (kind, name.to_owned()),
    }
}

/// A task's title.
pub(crate) fn title(chance: &mut Chance) -> String {
    if chance.percent(3) {
        return chance.pick(FOREIGN).to_owned();
    }
    let (verb, object) = (chance.pick(VERBS), chance.pick(OBJECTS));
    if chance.percent(35) { format!("{verb} {object} {}", chance.pick(TAILS)) } else { format!("{verb} {object}") }
}

/// A few sentences.
pub(crate) fn prose(chance: &mut Chance) -> String {
    let mut prose = chance.pick(SENTENCES).to_owned();
    for _ in 0..chance.below(3) {
        prose.push_str("\n\n");
        prose.push_str(chance.pick(SENTENCES));
    }
    prose
}

/// The description of an invoice line.
pub(crate) fn line(chance: &mut Chance) -> String {
    const WORK: &[&str] = &[
        "Design",
        "Development",
        "Project management",
        "Copywriting",
        "Hosting",
        "Support",
        "Workshop",
        "Testing",
        "Übersetzung",
    ];
    let work = chance.pick(WORK);
    if chance.percent(50) { format!("{work}: {}", chance.pick(OBJECTS)) } else { work.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Stream;
    use tenantry_domain::organization::is_slug;

    #[test]
    fn names_in_addresses_are_ascii() {
        for (_, word) in GIVEN.iter().chain(FAMILY).chain(COMPANY).chain(AGENCY).chain(TRADE) {
            assert!(is_slug(word), "{word}");
        }
    }

    #[test]
    fn titles_are_within_the_bounds() {
        let mut chance = Chance::new(1, Stream::Demo, 0);
        for _ in 0..1_000 {
            assert!(title(&mut chance).chars().count() < 200);
            assert!(!title(&mut chance).chars().any(char::is_control));
        }
    }
}
