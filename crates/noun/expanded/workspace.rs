//! What `#[derive(Noun)]` writes for workspaces. Written by a test: TENANTRY_UPDATE_EXPANSION=1.

const _: () = assert!(
    < Workspace as crate ::noun::Noun > ::COLUMNS.len() < 64,
    "a noun has fewer than 64 columns"
);
impl crate::noun::Noun for Workspace {
    type Id = WorkspaceId;
    type Filter = WorkspaceFilter;
    type Sort = WorkspaceSort;
    type Parent = WorkspaceParent;
    const INFO: crate::noun::NounInfo = {
        #[allow(dead_code, reason = "only some placements ask")]
        const REQUIRED: bool = false;
        crate::noun::NounInfo {
            name: "Workspace",
            singular: "workspace",
            plural: "workspaces",
            api: "workspace",
            list: "workspaces",
            doc: "A part of the organization that holds projects.",
            table: "app.workspaces",
            from: "app.workspaces t",
            prefix: <WorkspaceId as crate::id::Id>::PREFIX,
            placement: crate::noun::Placement::Workspace,
            read: crate::permission::Operation::ReadWorkspace,
            write: crate::permission::Operation::ManageWorkspace,
            guests: true,
            hides_from_guests: false,
            currency: None,
            ascending: true,
            sortable: true,
            rooted: true,
            archived: None,
        }
    };
    const FIELDS: &'static [crate::noun::Field<Self>] = &[
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "id",
                api: "id",
                column: "t.id",
                doc: "The workspace's id.",
                kind: <WorkspaceId as crate::noun::FieldType>::KIND,
                optional: false,
                nullable: false,
                access: crate::noun::Access::Guests,
                given: crate::noun::Given::Never,
                default: None,
                rule: crate::noun::Rule::Any,
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.id),
            write: |row, value| crate::noun::given(&mut row.id, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "organization_id",
                api: "organizationId",
                column: "t.organization_id",
                doc: "The organization that owns the row.",
                kind: <OrganizationId as crate::noun::FieldType>::KIND,
                optional: false,
                nullable: false,
                access: crate::noun::Access::Internal,
                given: crate::noun::Given::Never,
                default: None,
                rule: crate::noun::Rule::Any,
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.organization_id),
            write: |row, value| crate::noun::given(&mut row.organization_id, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "name",
                api: "name",
                column: "t.name",
                doc: "The workspace's name, unique in the organization.",
                kind: <String as crate::noun::FieldType>::KIND,
                optional: false,
                nullable: false,
                access: crate::noun::Access::Guests,
                given: crate::noun::Given::Always,
                default: None,
                rule: crate::noun::Rule::Text(100),
                link: None,
                unique: true,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.name),
            write: |row, value| crate::noun::given(&mut row.name, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "description",
                api: "description",
                column: "t.description",
                doc: "What it is for.",
                kind: <Option<String> as crate::noun::FieldType>::KIND,
                optional: true,
                nullable: true,
                access: crate::noun::Access::Guests,
                given: crate::noun::Given::Always,
                default: None,
                rule: crate::noun::Rule::Prose(2_000),
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.description),
            write: |row, value| crate::noun::given(&mut row.description, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "is_private",
                api: "isPrivate",
                column: "t.is_private",
                doc: "Whether only owners, admins and members with a grant can see it and its contents.",
                kind: <bool as crate::noun::FieldType>::KIND,
                optional: false,
                nullable: false,
                access: crate::noun::Access::Guests,
                given: crate::noun::Given::Always,
                default: Some(stringify!(false)),
                rule: crate::noun::Rule::Any,
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.is_private),
            write: |row, value| crate::noun::given(&mut row.is_private, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "is_default",
                api: "isDefault",
                column: "t.is_default",
                doc: "Whether a project goes here when no workspace is given. Every organization has exactly one such workspace.",
                kind: <bool as crate::noun::FieldType>::KIND,
                optional: false,
                nullable: false,
                access: crate::noun::Access::Guests,
                given: crate::noun::Given::Never,
                default: None,
                rule: crate::noun::Rule::Any,
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.is_default),
            write: |row, value| crate::noun::given(&mut row.is_default, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "created_by",
                api: "createdBy",
                column: "t.created_by",
                doc: "The user who created it; none when the user is gone.",
                kind: <Option<UserId> as crate::noun::FieldType>::KIND,
                optional: true,
                nullable: true,
                access: crate::noun::Access::Internal,
                given: crate::noun::Given::Never,
                default: None,
                rule: crate::noun::Rule::Any,
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.created_by),
            write: |row, value| crate::noun::given(&mut row.created_by, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "created_at",
                api: "createdAt",
                column: "t.created_at",
                doc: "When the workspace was created.",
                kind: <DateTime<Utc> as crate::noun::FieldType>::KIND,
                optional: false,
                nullable: false,
                access: crate::noun::Access::Guests,
                given: crate::noun::Given::Never,
                default: None,
                rule: crate::noun::Rule::Any,
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.created_at),
            write: |row, value| crate::noun::given(&mut row.created_at, value),
        },
        crate::noun::Field {
            info: crate::noun::FieldInfo {
                name: "updated_at",
                api: "updatedAt",
                column: "t.updated_at",
                doc: "When the workspace last changed.",
                kind: <DateTime<Utc> as crate::noun::FieldType>::KIND,
                optional: false,
                nullable: false,
                access: crate::noun::Access::Guests,
                given: crate::noun::Given::Never,
                default: None,
                rule: crate::noun::Rule::Any,
                link: None,
                unique: false,
                as_id: false,
                needs: &[],
                told: true,
                searched: None,
            },
            read: |row| crate::noun::FieldType::to_value(&row.updated_at),
            write: |row, value| crate::noun::given(&mut row.updated_at, value),
        },
    ];
    const COLUMNS: &'static [&'static str] = &[
        "t.id",
        "t.organization_id",
        "t.name",
        "t.description",
        "t.is_private",
        "t.is_default",
        "t.created_by",
        "t.created_at",
        "t.updated_at",
    ];
    const CONDITIONS: &'static [crate::noun::Condition<WorkspaceFilter>] = &[
        crate::noun::Condition {
            info: crate::noun::ConditionInfo {
                name: "ids",
                api: "ids",
                doc: "Only workspaces with one of these ids. An empty list finds nothing.",
                field: "id",
                kind: <WorkspaceId as crate::noun::FieldType>::KIND,
                test: crate::noun::Test::AnyOf,
                takes_many: true,
                takes_null: false,
            },
            read: |filter| crate::noun::asked_any(&filter.ids),
            write: |filter, asked| crate::noun::ask_any(&mut filter.ids, asked),
        },
        crate::noun::Condition {
            info: crate::noun::ConditionInfo {
                name: "name_starts_with",
                api: "nameStartsWith",
                doc: "Only workspaces whose name begins with this text. Upper and lower case and the accents of Latin letters do not matter.",
                field: "name",
                kind: <String as crate::noun::FieldType>::KIND,
                test: crate::noun::Test::StartsWith,
                takes_many: false,
                takes_null: false,
            },
            read: |filter| crate::noun::asked_one(&filter.name_starts_with),
            write: |filter, asked| crate::noun::ask_one(
                &mut filter.name_starts_with,
                asked,
            ),
        },
        crate::noun::Condition {
            info: crate::noun::ConditionInfo {
                name: "created_from",
                api: "createdFrom",
                doc: "Only workspaces whose `createdAt` is at or after this time.",
                field: "created_at",
                kind: <DateTime<Utc> as crate::noun::FieldType>::KIND,
                test: crate::noun::Test::From,
                takes_many: false,
                takes_null: false,
            },
            read: |filter| crate::noun::asked_one(&filter.created_from),
            write: |filter, asked| crate::noun::ask_one(&mut filter.created_from, asked),
        },
        crate::noun::Condition {
            info: crate::noun::ConditionInfo {
                name: "created_before",
                api: "createdBefore",
                doc: "Only workspaces whose `createdAt` is before this time.",
                field: "created_at",
                kind: <DateTime<Utc> as crate::noun::FieldType>::KIND,
                test: crate::noun::Test::Before,
                takes_many: false,
                takes_null: false,
            },
            read: |filter| crate::noun::asked_one(&filter.created_before),
            write: |filter, asked| crate::noun::ask_one(
                &mut filter.created_before,
                asked,
            ),
        },
        crate::noun::Condition {
            info: crate::noun::ConditionInfo {
                name: "updated_from",
                api: "updatedFrom",
                doc: "Only workspaces whose `updatedAt` is at or after this time.",
                field: "updated_at",
                kind: <DateTime<Utc> as crate::noun::FieldType>::KIND,
                test: crate::noun::Test::From,
                takes_many: false,
                takes_null: false,
            },
            read: |filter| crate::noun::asked_one(&filter.updated_from),
            write: |filter, asked| crate::noun::ask_one(&mut filter.updated_from, asked),
        },
        crate::noun::Condition {
            info: crate::noun::ConditionInfo {
                name: "updated_before",
                api: "updatedBefore",
                doc: "Only workspaces whose `updatedAt` is before this time.",
                field: "updated_at",
                kind: <DateTime<Utc> as crate::noun::FieldType>::KIND,
                test: crate::noun::Test::Before,
                takes_many: false,
                takes_null: false,
            },
            read: |filter| crate::noun::asked_one(&filter.updated_before),
            write: |filter, asked| crate::noun::ask_one(
                &mut filter.updated_before,
                asked,
            ),
        },
    ];
    const SORTS: &'static [(WorkspaceSort, crate::noun::SortInfo)] = &[
        (
            WorkspaceSort::Name,
            crate::noun::SortInfo {
                name: "name",
                doc: "By name.",
                fields: &["name"],
            },
        ),
        (
            WorkspaceSort::CreatedAt,
            crate::noun::SortInfo {
                name: "created_at",
                doc: "By the time of creation.",
                fields: &["created_at"],
            },
        ),
        (
            WorkspaceSort::UpdatedAt,
            crate::noun::SortInfo {
                name: "updated_at",
                doc: "By the time of the last change.",
                fields: &["updated_at"],
            },
        ),
    ];
    const PARENTS: &'static [(WorkspaceParent, crate::noun::ParentInfo)] = &[];
    fn id(&self) -> WorkspaceId {
        self.id
    }
    fn organization_id(&self) -> crate::id::OrganizationId {
        self.organization_id
    }
    fn created_at(&self) -> chrono::DateTime<chrono::Utc> {
        self.created_at
    }
    fn updated_at(&self) -> chrono::DateTime<chrono::Utc> {
        self.updated_at
    }
    fn set_updated_at(&mut self, at: chrono::DateTime<chrono::Utc>) {
        self.updated_at = at;
    }
    fn decode<'r, S: crate::noun::Source<'r>>(source: &mut S) -> Result<Self, S::Error> {
        let id = crate::noun::load(source)?;
        let organization_id = crate::noun::load(source)?;
        let name = crate::noun::load(source)?;
        let description = crate::noun::load(source)?;
        let is_private = crate::noun::load(source)?;
        let is_default = crate::noun::load(source)?;
        let created_by = crate::noun::load(source)?;
        let created_at = crate::noun::load(source)?;
        let updated_at = crate::noun::load(source)?;
        Ok(Self {
            id,
            organization_id,
            name,
            description,
            is_private,
            is_default,
            created_by,
            created_at,
            updated_at,
        })
    }
    fn has(filter: &WorkspaceFilter) -> &[crate::noun::Has] {
        &filter.has
    }
    fn has_mut(filter: &mut WorkspaceFilter) -> &mut Vec<crate::noun::Has> {
        &mut filter.has
    }
    fn sort_info(sort: WorkspaceSort) -> &'static crate::noun::SortInfo {
        match sort {
            WorkspaceSort::Name => &Self::SORTS[0usize].1,
            WorkspaceSort::CreatedAt => &Self::SORTS[1usize].1,
            WorkspaceSort::UpdatedAt => &Self::SORTS[2usize].1,
        }
    }
    fn parent_info(parent: WorkspaceParent) -> &'static crate::noun::ParentInfo {
        match parent {}
    }
}
///What a list of workspaces can be narrowed by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WorkspaceFilter {
    ///Only workspaces with one of these ids. An empty list finds nothing.
    pub ids: Option<Vec<WorkspaceId>>,
    ///Only workspaces whose name begins with this text. Upper and lower case and the accents of Latin letters do not matter.
    pub name_starts_with: crate::noun::Wanted<String>,
    ///Only workspaces whose `createdAt` is at or after this time.
    pub created_from: crate::noun::Wanted<DateTime<Utc>>,
    ///Only workspaces whose `createdAt` is before this time.
    pub created_before: crate::noun::Wanted<DateTime<Utc>>,
    ///Only workspaces whose `updatedAt` is at or after this time.
    pub updated_from: crate::noun::Wanted<DateTime<Utc>>,
    ///Only workspaces whose `updatedAt` is before this time.
    pub updated_before: crate::noun::Wanted<DateTime<Utc>>,
    /// What is asked of the rows that link to these.
    pub has: Vec<crate::noun::Has>,
}
///What a list of workspaces can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WorkspaceSort {
    ///By name.
    #[default]
    Name,
    ///By the time of creation.
    CreatedAt,
    ///By the time of the last change.
    UpdatedAt,
}
///Through which other rows workspaces are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkspaceParent {}
///What a new workspace is made from.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    ///The workspace's name, unique in the organization. 1 to 100 characters.
    pub name: String,
    ///What it is for. At most 2_000 characters.
    pub description: Option<String>,
    ///Whether only owners, admins and members with a grant can see it and its contents. `false` when not given.
    pub is_private: Option<bool>,
}
impl Default for NewWorkspace {
    fn default() -> Self {
        <Self as crate::noun::New>::blank()
    }
}
impl crate::noun::New for NewWorkspace {
    type Noun = Workspace;
    const INPUTS: &'static [crate::noun::Input<Self>] = &[
        crate::noun::Input {
            field: &<Workspace as crate::noun::Noun>::FIELDS[2usize].info,
            required: true,
            is_given: |_| true,
            write: |input, value| crate::noun::given(&mut input.name, value),
        },
        crate::noun::Input {
            field: &<Workspace as crate::noun::Noun>::FIELDS[3usize].info,
            required: false,
            is_given: |_| true,
            write: |input, value| crate::noun::given(&mut input.description, value),
        },
        crate::noun::Input {
            field: &<Workspace as crate::noun::Noun>::FIELDS[4usize].info,
            required: false,
            is_given: |_| true,
            write: |input, value| crate::noun::given(&mut input.is_private, value),
        },
    ];
    fn blank() -> Self {
        Self {
            name: crate::noun::FieldType::blank(),
            description: crate::noun::FieldType::blank(),
            is_private: crate::noun::FieldType::blank(),
        }
    }
    fn into_row(
        self,
        origin: crate::noun::Origin<<Workspace as crate::noun::Noun>::Id>,
    ) -> Result<Workspace, crate::validate::Violations> {
        let mut v = crate::validate::Violations::default();
        let row = Workspace {
            id: origin.id,
            organization_id: origin.organization_id,
            name: v.required_text("name", &self.name, 100),
            description: v
                .optional_prose("description", self.description.as_deref(), 2_000),
            is_private: self.is_private.unwrap_or(false),
            is_default: crate::noun::FieldType::blank(),
            created_by: Some(origin.user_id),
            created_at: origin.now,
            updated_at: origin.now,
        };
        v.into_result().map(|()| row)
    }
}
///What an update does to a workspace.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceChanges {
    ///The workspace's name, unique in the organization.
    pub name: crate::change::Change<String>,
    ///What it is for.
    pub description: crate::change::Change<Option<String>>,
    ///Whether only owners, admins and members with a grant can see it and its contents.
    pub is_private: crate::change::Change<bool>,
}
impl crate::noun::Changes for WorkspaceChanges {
    type Noun = Workspace;
    const INPUTS: &'static [crate::noun::Input<Self>] = &[
        crate::noun::Input {
            field: &<Workspace as crate::noun::Noun>::FIELDS[2usize].info,
            required: false,
            is_given: |input| !input.name.is_keep(),
            write: |input, value| crate::noun::given_back(&mut input.name, value),
        },
        crate::noun::Input {
            field: &<Workspace as crate::noun::Noun>::FIELDS[3usize].info,
            required: false,
            is_given: |input| !input.description.is_keep(),
            write: |input, value| crate::noun::given_back(&mut input.description, value),
        },
        crate::noun::Input {
            field: &<Workspace as crate::noun::Noun>::FIELDS[4usize].info,
            required: false,
            is_given: |input| !input.is_private.is_keep(),
            write: |input, value| crate::noun::given_back(&mut input.is_private, value),
        },
    ];
    fn apply(
        self,
        before: &Workspace,
    ) -> Result<Workspace, crate::validate::Violations> {
        let mut v = crate::validate::Violations::default();
        let mut row = before.clone();
        if let crate::change::Change::Set(value) = self.name {
            row.name = v.required_text("name", &value, 100);
        }
        if let crate::change::Change::Set(value) = self.description {
            row.description = v.optional_prose("description", value.as_deref(), 2_000);
        }
        if let crate::change::Change::Set(value) = self.is_private {
            row.is_private = value;
        }
        v.into_result().map(|()| row)
    }
}
