"""The columns of Heroku's records, in the order in which a table shows them.

Every property of Heroku's schema for version 3 of its Platform API, nested ones dotted: first what distinguishes the
records, then their state, dates, fields for programs, and identifiers last. A column is nullable if the schema says
so, or if Heroku is known to leave the key out. The main ones fit into 80 columns of text.
"""

from __future__ import annotations

from kosmo_kernel.catalogue import Column
from kosmo_kernel.integrations.heroku import sizes

APP = (
    Column("name", "Unique on Heroku, but it can change and be taken again; `id` stays"),
    Column("team.name", "The team that owns it; nil for a personal app", nullable=True),
    Column("owner.email", "Who owns it; for a team's app an address at `herokumanager.com` that stands for the team"),
    Column("region.name", "Where it runs: `us`, `eu`, or the region of its Private Space"),
    Column("stack.name", "The operating system image it runs on, such as `heroku-24`"),
    Column("build_stack.name", "The image its next build will use; another one while an upgrade is pending"),
    Column("generation.name", "The generation of the platform: `cedar` or `fir`"),
    Column("web_url", "Its address on the web; nil when it has none", nullable=True),
    Column("maintenance", "Whether visitors see the maintenance page", "boolean"),
    Column("acm", "Whether Heroku looks after its certificates (Automated Certificate Management)", "boolean"),
    Column("released_at", "The latest release; nil when there never was one", "timestamp", nullable=True),
    Column("updated_at", "The last change of the app", "timestamp"),
    Column("created_at", "When the app was made", "timestamp"),
    Column("archived_at", "When it was archived; nil as a rule", "timestamp", nullable=True),
    Column("buildpack_provided_description", "What its buildpack calls it; nil before the first build", nullable=True),
    Column("slug_size", "Bytes of the built app; nil before the first build", "integer", nullable=True),
    Column("repo_size", "Bytes of its Git repository; nil before the first push", "integer", nullable=True),
    Column("git_url", "Where `git push` goes"),
    Column("space.name", "Its Private Space; nil outside of one", nullable=True),
    Column("space.shield", "Whether that is a Shield space; nil outside of one", "boolean", nullable=True),
    Column("internal_routing", "Whether only its space can reach it; nil outside of one", "boolean", nullable=True),
    Column("organization.name", "The team once more, under the word Heroku used before", nullable=True),
    Column("id", "Identifier of the app"),
    Column("owner.id", "Identifier of the owner"),
    Column("team.id", "Identifier of the team", nullable=True),
    Column("region.id", "Identifier of the region"),
    Column("stack.id", "Identifier of the stack"),
    Column("build_stack.id", "Identifier of the stack of the next build"),
    Column("generation.id", "Identifier of the generation"),
    Column("space.id", "Identifier of the Private Space", nullable=True),
    Column("organization.id", "Identifier of the team once more", nullable=True),
)

DYNO = (
    Column("name", "`web.1` on Cedar; on Fir a longer one that starts with the type", main=True),
    Column(
        "state",
        "`up`, `starting`, `idle`, `crashed` or `down`; Heroku may add others",
        main=True,
        values=("up", "starting", "idle", "crashed", "down"),
    ),
    Column("type", "The process type of the Procfile, `web`; `run` for a one-off", main=True),
    Column("size", f"Such as `Standard-1X`. {sizes.DOC}", main=True, spell=sizes.spelling),
    Column("command", "What was started"),
    Column("app.name", "The app it belongs to", main=True),
    Column("release.version", "The number of the release it runs: 42 is `v42`", "integer"),
    Column("updated_at", "When `state` last changed: since when it is up, or crashed", "timestamp", main=True),
    Column("created_at", "When the dyno was made", "timestamp"),
    Column(
        "attach_url",
        "A way into a running console, and so a secret: shown as `[redacted]`; nil when there is none",
        nullable=True,
        secret=True,
    ),
    Column("id", "Identifier of the dyno"),
    Column("app.id", "Identifier of the app"),
    Column("release.id", "Identifier of the release"),
)

ADDON = (
    Column("name", "Unique on Heroku, such as `postgresql-round-12345`"),
    Column("addon_service.name", "The service, such as `heroku-postgresql`"),
    Column("plan.name", "Service and plan, such as `heroku-postgresql:essential-0`", main=True),
    Column(
        "state",
        "`provisioning`, `provisioned` or `deprovisioned`; Heroku may add others",
        values=("provisioning", "provisioned", "deprovisioned"),
    ),
    Column("app.name", "The app that owns it, which need not be the app that was asked"),
    Column(
        "billed_price.cents",
        "What a unit of time costs; nil when no price is known",
        "integer",
        nullable=True,
        main=True,
    ),
    Column("billed_price.unit", "That unit of time, `month` as a rule", nullable=True, main=True),
    Column(
        "billed_price.contract",
        "Whether a contract sets the price, so that `cents` says nothing",
        "boolean",
        nullable=True,
    ),
    Column("billing_entity.name", "The app or team that pays"),
    Column("billing_entity.type", "Which of the two: `app` or `team`; Heroku may add others"),
    Column("config_vars", "Names of the config vars it sets, never their values", "list"),
    Column("web_url", "Its dashboard; nil until it is provisioned", nullable=True),
    Column("provision_message", "What the provider said when it was made; left out as a rule", nullable=True),
    Column("actions", "What the provider offers in Heroku's dashboard", "list"),
    Column("updated_at", "The last change of the add-on", "timestamp"),
    Column("created_at", "When the add-on was made", "timestamp"),
    Column("provider_id", "Its name at the provider; empty until it is provisioned"),
    Column("id", "Identifier of the add-on, the same in the list of every app that uses it"),
    Column("addon_service.id", "Identifier of the service"),
    Column("plan.id", "Identifier of the plan"),
    Column("app.id", "Identifier of the app that owns it"),
    Column("billing_entity.id", "Identifier of the app or team that pays"),
)

ATTACHMENT = (
    Column("name", "The name by which the app knows the add-on"),
    Column("namespace", "The part of the add-on that the app uses", nullable=True),
    Column("app.name", "The app that uses the add-on"),
    Column("addon.name", "The add-on"),
    Column("addon.app.name", "The app that owns the add-on"),
    Column("log_input_url", "Where the add-on writes logs", nullable=True, secret=True),
    Column("web_url", "Signs in to the add-on", nullable=True, secret=True),
    Column("updated_at", "The last change of the attachment", "timestamp"),
    Column("created_at", "When the add-on was attached", "timestamp"),
    Column("id", "Identifier of the attachment"),
    Column("app.id", "Identifier of the app that uses the add-on"),
    Column("addon.id", "Identifier of the add-on"),
    Column("addon.app.id", "Identifier of the app that owns the add-on"),
)

DOMAIN = (
    Column("hostname", "The host name in full", main=True),
    Column("kind", "`custom` for your own, `heroku` for the one at `herokuapp.com`", main=True),
    Column("status", "How far Heroku is with the DNS target: `none`, `pending`, `succeeded`; no word on certificates"),
    Column("cname", "The DNS target that the host name must point to; nil for the kind `heroku`", nullable=True),
    Column(
        "acm_status",
        "The certificate: `cert issued`, `failing`, `failed` …; nil where Heroku looks after none",
        nullable=True,
        main=True,
    ),
    Column("acm_status_reason", "What is wrong with the certificate; nil when nothing is", nullable=True),
    Column("sni_endpoint.name", "Where the certificate lives; several host names may share one", nullable=True),
    Column("app.name", "The app it leads to", main=True),
    Column("updated_at", "The last change of the domain", "timestamp"),
    Column("created_at", "When the domain was added", "timestamp"),
    Column("id", "Identifier of the domain"),
    Column("app.id", "Identifier of the app"),
    Column("sni_endpoint.id", "Identifier of the place where the certificate lives", nullable=True),
)

COLLABORATOR = (
    Column("user.email", "Who it is; an address at `herokumanager.com` stands for a team", main=True),
    Column(
        "role",
        "`owner`, `admin`, `member` or `collaborator`; Heroku leaves the last one out, here it is read as such",
        nullable=True,
        default="collaborator",
        main=True,
    ),
    Column(
        "permissions",
        "What a team allows this person, each with a `name` and a `description`; left out for personal apps",
        "list",
        nullable=True,
    ),
    Column("user.federated", "Whether a company's single sign-on vouches for this person", "boolean"),
    Column("app.name", "The app", main=True),
    Column("updated_at", "The last change of the access", "timestamp"),
    Column("created_at", "When the access was given", "timestamp"),
    Column("id", "Identifier of the access"),
    Column("user.id", "Identifier of the person"),
    Column("app.id", "Identifier of the app"),
)

ACCOUNT = (
    Column("email", "The address it signs in with"),
    Column("name", "The person's name, where given", nullable=True),
    Column("verified", "Whether Heroku has its billing details", "boolean"),
    Column("two_factor_authentication", "Whether signing in takes a second factor", "boolean"),
    Column("federated", "Whether a company's single sign-on vouches for it", "boolean"),
    Column("identity_provider.name", "Its single sign-on; nil without one", nullable=True),
    Column("identity_provider.owner.name", "Who runs that single sign-on", nullable=True),
    Column("identity_provider.owner.type", "Whether a `team` or an `enterprise-account` runs it", nullable=True),
    Column("identity_provider.team.name", "The team that it belongs to", nullable=True),
    Column("default_team.name", "The team that is chosen when none is named", nullable=True),
    Column("last_login", "The last time it signed in", "timestamp", nullable=True),
    Column("suspended_at", "When Heroku suspended it; nil as a rule", "timestamp", nullable=True),
    Column("delinquent_at", "Since when a bill is unpaid; nil as a rule", "timestamp", nullable=True),
    Column("updated_at", "The last change of the account", "timestamp"),
    Column("created_at", "When the account was made", "timestamp"),
    Column("country_of_residence", "Where the person lives, where given", nullable=True),
    Column("sms_number", "The telephone number for messages, most digits hidden", nullable=True),
    Column("allow_tracking", "Whether Heroku's pages may have others count its visits", "boolean"),
    Column("beta", "Whether it may use features in beta", "boolean"),
    Column("default_organization.name", "The default team once more, under the word Heroku used before", nullable=True),
    Column("identity_provider.organization.name", "The team of the single sign-on once more, likewise", nullable=True),
    Column("id", "Identifier of the account"),
    Column("default_team.id", "Identifier of the default team", nullable=True),
    Column("default_organization.id", "Identifier of the default team once more", nullable=True),
    Column("identity_provider.id", "Identifier of the single sign-on", nullable=True),
    Column("identity_provider.owner.id", "Identifier of who runs it", nullable=True),
)
