"""The hand-written part of each function that is made from the facts: its name, a summary, and what surprises.

The links of a function follow from its name: those of `list_releases` are the links with GET that Heroku's schema has
for `release` and that return a list, `release list`. Others are named, also one link by its path,
`/teams/{team.identity}/apps`. A link belongs to one entry. Those of `LEFT_OUT` belong to none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from kosmo_kernel.catalogue import Function
from kosmo_kernel.catalogue.integration import FunctionSummary
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS, LIST_STACK_DATES

BY_HAND = {function.name: function for function in (*FUNCTIONS, LIST_STACK_DATES)}


class FunctionEntry(Struct, frozen=True):
    """The hand-written part of a function."""

    name: str  # of the function
    summary: str  # what it is about, one short line
    notes: str = ""  # what surprises
    links: str = ""  # its links, separated by commas; empty for those that its name says
    newest: str = ""  # the field by which Heroku orders the last records first, if it can
    # Sentences about parameters in the URL's query, with an example as code; the schema does not list all.
    query: Mapping[str, str] = {}
    docs: Mapping[str, str] = {}  # sentences about fields whose names do not say it all
    main: str = ""  # the fields that come first, and that a narrow table shows
    names: Mapping[str, str] = {}  # other names of parameters, by the resource that they identify
    fingerprints: bool = False  # it has names and fingerprints of secret values
    in_snapshot: bool = False  # audits and comparisons read it, so that a snapshot has it
    keywords: str = ""  # words of questions that it answers and that its name does not have
    subject: str = ""  # the group that it belongs to
    aliases: tuple[str, ...] = ()  # other names

    @property
    def link_specs(self) -> list[str]:
        """Return its links, each by its path, or by the resource that has it and what it returns."""
        if self.links:
            return self.links.split(", ")
        from kosmo_kernel.catalogue.documents.names import singular  # which a list of the functions does not need

        verb, _, words = self.name.partition("_")
        resource = (singular(words) if verb == "list" else words).replace("addon", "add-on").replace("_", "-")
        return [f"{resource} {'list' if verb == 'list' else 'record'}"]


# The names of parameters that identify a record, where another one than the resource's.
PLACES = {
    "app": "app_id",
    "team-app": "app_id",
    "pipeline": "pipeline_id",
    "add-on": "addon_id",
    "account": "user",
    "team": "team",
    "enterprise-account": "enterprise",
    "user-preferences": "user",
    "team-preferences": "team",
    "team-app-collaborator": "collaborator",
    "team-member": "member",
    "add-on-attachment": "attachment",
    "formation": "process_type",
    "account-feature": "feature",
    "app-feature": "feature",
    "team-feature": "feature",
    "team-invoice": "invoice",
    "app-webhook": "webhook_id",
    "app-webhook-delivery": "delivery_id",
    "app-webhook-event": "event_id",
    "peering": "peering_id",
}

# Values of parameters in examples that Heroku or the demo account has a fixed name for, besides apps.
EXAMPLES = {
    "user": "~",
    "pipeline_promotion_id": "ce72e6c2-edac-5cff-a315-07a7d1b135cd",  # Heroku has no list of promotions
    "year": "2026",
    "addon_service": "heroku-postgresql",
    "dyno_size": "Standard-1X",
    "generation": "cedar",
    "process_type": "web",
    "region": "eu",
    "stack": "heroku-24",
}
# The app of the demo account in examples, where `my-app` has no such thing.
EXAMPLE_APPS = {
    **dict.fromkeys(("team-app", "team-app-collaborator"), "booking-api"),  # of a team
    **dict.fromkeys(("oci-image", "telemetry-drain"), "depot-board"),  # of the Fir generation
    "review-app": "van-telemetry",
    **dict.fromkeys(("log-drain", "app-webhook", "app-webhook-delivery", "app-webhook-event"), "parcel-tracker"),
}
# Where there are records of a resource that Heroku has no list of: the path of a list, and the place in its records.
FOUND_IN = {
    "app-setup": ("/pipelines/{pipeline.id}/review-apps", ".app_setup"),
    "oci-image": ("/apps/{app.identity}/releases", ".artifacts[1]"),
    "slug": ("/apps/{app.identity}/releases", ".slug"),
}

_END = 'The last one, written `["end"] = "{}"` in Lua, which has a word `end`; just the first one without it'
_MONTHS = {"start": "The first month, such as `2026-11`", "end": _END.format("2026-12")}
_DAYS = {"start": "The first day, such as `2026-11-01`", "end": _END.format("2026-11-30")}
_STATE_OF_STACK = {"state": "`beta`, `public` or `deprecated`; builds on a deprecated one end some day"}

SUBJECTS: dict[str, tuple[FunctionEntry, ...]] = {
    "Apps": (
        FunctionEntry(
            "list_user_apps", "The apps that a user owns or was invited to", links="/users/{account.identity}/apps"
        ),
        FunctionEntry(
            "list_team_apps",
            "The apps of a team, or of one member",
            links="team-app list, /teams/{team.identity}/members/{team-member.identity}/apps",
            main="name owner.email region.name stack.name released_at",
        ),
        FunctionEntry("get_team_app", "One app of a team, with whether it is locked and you joined it"),
        FunctionEntry(
            "list_app_features",
            "The features of an app that can be on or off",
            keywords="flags labs",
            main="name enabled state description",
        ),
        FunctionEntry("get_app_feature", "One feature of an app"),
        FunctionEntry("get_app_setup", "How far the setup of an app from a source is, or why it failed"),
        FunctionEntry(
            "list_app_transfers", "Apps that somebody is to hand over to somebody else", keywords="ownership"
        ),
        FunctionEntry("get_app_transfer", "One handing over of an app"),
        FunctionEntry(
            "list_config_vars",
            "The names of config vars, and which have equal values",
            "The value of a config var is never shown. `fingerprint` is equal where values are equal: it finds one "
            "secret in two apps, and what staging and production have in common. With `release`, those that were in "
            "force at that release.",
            links="config-var record, pipeline-config-var record",
            fingerprints=True,
            keywords="environment variables same secret drift",
        ),
    ),
    "Processes": (
        FunctionEntry(
            "list_formation",
            "The process types of an app: how many dynos each is scaled to, and of which size",
            "A process type scaled to zero has `quantity` 0 and no dyno; `list_dynos` has what runs at this moment.",
            docs={"quantity": "How many dynos it is scaled to; 0 is scaled to zero", "type": "Such as `web`"},
            keywords="scaled to zero scale",
            main="type quantity size app.name command",
        ),
        FunctionEntry("get_formation", "One process type of an app"),
        FunctionEntry("get_dyno", "One dyno of an app"),
        FunctionEntry(
            "list_dyno_sizes",
            "The sizes of dynos and what they cost, all of them or those that an app can have",
            "`cost.cents` is for one dyno and `cost.unit`, a month; it is nil where Heroku states no price.",
            keywords="price cost memory",
        ),
        FunctionEntry("get_dyno_size", "One size of dynos, with its price"),
    ),
    "Deploys": (
        FunctionEntry(
            "list_releases",
            "The releases of an app: who deployed or changed what, and when",
            "Each deploy, change of config vars and rollback is a release; `description` says which. `current` is the "
            "one that runs. `status` is `failed` if the release phase failed, and then the one before goes on.",
            newest="version",
            docs={"version": "Its number: 42 is `v42`", "user.email": "Who made it", "description": "What was done"},
            keywords="deployed deploy rollback changed failed",
            main="version status current description user.email created_at",
        ),
        FunctionEntry("get_release", "One release of an app, by number or UUID"),
        FunctionEntry(
            "list_builds",
            "The builds of an app, and which failed",
            newest="started_at",
            keywords="failed",
            main="status stack user.email created_at source_blob.version",
        ),
        FunctionEntry("get_build", "One build of an app"),
        FunctionEntry("get_slug", "What a build made: its size, its commit and its stack", keywords="commit"),
        FunctionEntry(
            "get_oci_image", "What a build made on Fir: an image, its digest and its commit", links="oci-image list"
        ),
        FunctionEntry(
            "list_buildpack_installations", "The buildpacks that build an app", keywords="buildpack language"
        ),
        FunctionEntry(
            "list_stacks",
            "The stacks that there are today, or those that an app can move to",
            "Heroku drops a stack from this list when its support has ended; `list_stack_dates` has the days.",
            docs=_STATE_OF_STACK,
            in_snapshot=True,
            keywords="deprecated end of life",
        ),
        FunctionEntry("get_stack", "One stack, and whether it is deprecated", docs=_STATE_OF_STACK),
    ),
    "Pipelines": (
        FunctionEntry("list_pipelines", "The pipelines that the account can see", main="name owner.type created_at"),
        FunctionEntry("get_pipeline", "One pipeline, by name or UUID"),
        FunctionEntry(
            "list_pipeline_couplings",
            "Which app is in which stage of which pipeline",
            "An app is in one pipeline or in none; an app in none has an empty list.",
            links="pipeline-coupling list, /apps/{app.identity}/pipeline-couplings",
            keywords="stage app in no pipeline",
        ),
        FunctionEntry(
            "list_user_pipeline_couplings",
            "Which of your own apps is in which stage of which pipeline",
            links="/users/~/pipeline-couplings",
        ),
        FunctionEntry("get_pipeline_coupling", "The stage of one app in a pipeline"),
        FunctionEntry("list_pipeline_builds", "The latest build of each app in a pipeline"),
        FunctionEntry("list_pipeline_deployments", "The latest deployment of each app in a pipeline"),
        FunctionEntry("list_pipeline_releases", "The latest release of each app in a pipeline"),
        FunctionEntry("get_pipeline_stack", "The stack that a pipeline gives to new apps"),
        FunctionEntry("get_pipeline_promotion", "How far a promotion to other stages is"),
        FunctionEntry("list_pipeline_promotion_targets", "The apps that a promotion reaches"),
        FunctionEntry("list_review_apps", "The review apps of a pipeline", keywords="pull request"),
        FunctionEntry("get_review_app", "One review app, by its UUID or by its app"),
        FunctionEntry("get_review_app_config", "How a pipeline makes and removes review apps"),
        FunctionEntry("list_test_runs", "The test runs of a pipeline"),
        FunctionEntry("get_test_run", "One test run, by UUID or by its number in a pipeline"),
        FunctionEntry(
            "list_test_cases", "The test cases of a test run, and which failed", keywords="flaky tests failed"
        ),
        FunctionEntry("list_test_nodes", "The nodes on which a test run ran"),
    ),
    "Domains and certificates": (
        FunctionEntry("get_domain", "One host name of an app"),
        FunctionEntry(
            "list_sni_endpoints",
            "The certificates of an app, with their last day and their domains",
            "`ssl_cert.expires_at` is the last day. Certificates that Heroku looks after are among them.",
            docs={"ssl_cert.expires_at": "The last moment at which it is valid"},
            keywords="certificate expiry expires tls ssl",
            main="ssl_cert.cert_domains ssl_cert.expires_at name",
        ),
        FunctionEntry("get_sni_endpoint", "One certificate of an app"),
    ),
    "Logs and webhooks": (
        FunctionEntry(
            "list_log_drains",
            "Where the logs of an app, or of an add-on, are sent to",
            "The address of a drain is a secret, because whoever knows it can write there; `host` is not.",
            keywords="logs go",
            main="host addon.name app.name created_at",
        ),
        FunctionEntry("get_log_drain", "One log drain of an app"),
        FunctionEntry(
            "list_telemetry_drains",
            "Where traces, metrics and logs of an app or a space go",
            keywords="traces opentelemetry",
            main="exporter.host exporter.type signals owner.type",
        ),
        FunctionEntry("get_telemetry_drain", "One telemetry drain"),
        FunctionEntry("list_app_webhooks", "Who is told of events in an app", main="host include level app.name"),
        FunctionEntry("get_app_webhook", "One webhook of an app"),
        FunctionEntry(
            "list_app_webhook_deliveries", "What an app's webhooks sent, and what failed", keywords="failing webhooks"
        ),
        FunctionEntry("get_app_webhook_delivery", "One delivery of an app's webhook"),
        FunctionEntry("list_app_webhook_events", "The events that an app's webhooks were told of"),
        FunctionEntry("get_app_webhook_event", "One event that an app's webhooks were told of"),
    ),
    "Add-ons": (
        FunctionEntry(
            "list_account_addons",
            "All add-ons that the account can see, or those of a team or a user",
            "Each add-on once, under the app that owns it; `list_addons` has those of an app, shared ones included.",
            links="add-on list, /teams/{team.identity}/addons",
            main="name plan.name state app.name billed_price.cents billed_price.unit",
        ),
        FunctionEntry("get_addon", "One add-on, by name or UUID"),
        FunctionEntry(
            "list_addon_attachments",
            "Which app uses which add-on, and under which name",
            "`name` is the start of the config vars that the add-on sets in that app.",
            keywords="shared",
            main="name addon.name app.name",
        ),
        FunctionEntry("get_addon_attachment", "One use of an add-on by an app"),
        FunctionEntry("list_addon_config", "The names of the settings that an add-on gives to apps"),
        FunctionEntry(
            "list_addon_services", "The services of Heroku's add-on marketplace", main="name human_name state"
        ),
        FunctionEntry("get_addon_service", "One service of the add-on marketplace"),
        FunctionEntry("list_allowed_addon_services", "The services that a team may use"),
        FunctionEntry(
            "list_plans",
            "The plans of an add-on service, with their prices",
            keywords="price cost",
            main="name price.cents price.unit state",
        ),
        FunctionEntry("get_plan", "One plan of an add-on service, with its price"),
        FunctionEntry("list_addon_region_capabilities", "Which service there is in which region"),
        FunctionEntry("list_addon_webhooks", "Who is told of events in an add-on"),
        FunctionEntry("get_addon_webhook", "One webhook of an add-on"),
        FunctionEntry("list_addon_webhook_deliveries", "What an add-on's webhooks sent"),
        FunctionEntry("get_addon_webhook_delivery", "One delivery of an add-on's webhook"),
        FunctionEntry("list_addon_webhook_events", "The events of an add-on's webhooks"),
        FunctionEntry("get_addon_webhook_event", "One event of an add-on's webhooks"),
    ),
    "People and access": (
        FunctionEntry("get_collaborator", "One person's access to an app"),
        FunctionEntry(
            "list_team_app_collaborators",
            "Who was given access to an app of a team, each with a seat",
            "The admins of the team reach the app as well, without a seat: `heroku.tables.access()` has all of them.",
        ),
        FunctionEntry("get_team_app_collaborator", "One person's access to an app of a team"),
        FunctionEntry("list_team_app_permissions", "The permissions that a team can give"),
        FunctionEntry(
            "list_team_members",
            "The members of a team, with their roles and whether they have a second factor",
            "An `admin` reaches every app of the team without being among its collaborators: `heroku.tables.access()` "
            "has everyone who can reach each app.",
            links="/teams/{team.identity}/members",
            keywords="admins two factor mfa 2fa leaver",
            main="email role two_factor_authentication federated",
        ),
        FunctionEntry(
            "list_team_invitations",
            "Invitations to a team that nobody took yet",
            "`created_at` is when it was sent; an old one is often forgotten.",
            links="/teams/{team.name}/invitations",
            keywords="pending open",
            main="user.email role invited_by.email created_at",
        ),
        FunctionEntry("list_permission_entities", "Who may do what with the apps and spaces of a team"),
        FunctionEntry(
            "list_identity_providers",
            "The single sign-on of a team, and its certificate",
            keywords="single sign-on sso saml",
        ),
        FunctionEntry(
            "list_oauth_authorizations",
            "The tokens of this account, without their values",
            keywords="api tokens",
            main="description scope user.email created_at",
        ),
        FunctionEntry("get_oauth_authorization", "One token of this account, without its value"),
        FunctionEntry("list_oauth_clients", "Programs of this account that others can let in"),
        FunctionEntry("get_oauth_client", "One program that others can let in"),
        FunctionEntry("list_keys", "The SSH keys of this account", keywords="ssh"),
        FunctionEntry("get_key", "One SSH key of this account"),
    ),
    "Teams and enterprise accounts": (
        FunctionEntry("list_teams", "The teams of this account, or those of an enterprise account"),
        FunctionEntry("get_team", "One team, by name or UUID"),
        FunctionEntry("get_team_preferences", "What a team allows by default"),
        FunctionEntry(
            "list_team_features", "The features of a team that can be on or off", main="name enabled state description"
        ),
        FunctionEntry("get_team_feature", "One feature of a team"),
        FunctionEntry(
            "get_team_delinquency", "When a team with an unpaid bill is suspended", keywords="unpaid overdue"
        ),
        FunctionEntry(
            "list_team_invoices",
            "The invoices of a team; amounts are in cents",
            keywords="monthly cost bill",
            main="number total payment_status period_start period_end",
        ),
        FunctionEntry("get_team_invoice", "One invoice of a team; amounts are in cents"),
        FunctionEntry("list_team_monthly_usage", "What a team used in each month", query=_MONTHS),
        FunctionEntry("list_team_daily_usage", "What a team used on each day", query=_DAYS),
        FunctionEntry("list_enterprise_accounts", "The enterprise accounts of this account"),
        FunctionEntry("get_enterprise_account", "One enterprise account"),
        FunctionEntry("list_enterprise_account_members", "The people of an enterprise account"),
        FunctionEntry(
            "list_enterprise_monthly_usage",
            "What the teams of an enterprise account used in each month",
            links="enterprise-account-monthly-usage list",
            query=_MONTHS,
        ),
        FunctionEntry(
            "list_enterprise_daily_usage",
            "What the teams of an enterprise account used on each day",
            links="enterprise-account-daily-usage list",
            query=_DAYS,
        ),
        FunctionEntry(
            "list_audit_trail_events",
            "What was done in an enterprise account on one day, and by whom",
            "Heroku returns the events of one day, today unless `day` says another. `data`, what an event changed, may "
            "have secrets in it, and is not shown.",
            query={
                "day": "The day, `2026-11-01`",
                "order": "`asc` or `desc`, by time",
                "actor": "Only what this person did: an e-mail address",
                "action": "Only this action, such as `create`",
                "type": "Only this type, such as `app`",
            },
            keywords="audit log",
        ),
        FunctionEntry("list_archives", "The months for which there is an archive of the audit trail"),
        FunctionEntry("get_archive", "The archive of the audit trail for one month"),
    ),
    "Private Spaces": (
        FunctionEntry(
            "list_spaces", "The Private Spaces of this account, or of a team", links="space list, team-space list"
        ),
        FunctionEntry("get_space", "One Private Space"),
        FunctionEntry("list_space_members", "Who may do what in a Private Space", links="space-app-access list"),
        FunctionEntry("get_space_member", "What one person may do in a Private Space", links="space-app-access record"),
        FunctionEntry(
            "get_space_nat",
            "The addresses from which a Private Space reaches the internet",
            keywords="outbound static ip",
        ),
        FunctionEntry("get_space_topology", "The apps, processes and dynos of a Private Space"),
        FunctionEntry("list_inbound_rulesets", "All sets of rules of a Private Space, older ones included"),
        FunctionEntry(
            "get_inbound_ruleset",
            "Who can reach a Private Space: today's rules or older",
            keywords="firewall trusted ip",
        ),
        FunctionEntry("get_peering_info", "What is needed to connect a network to a Private Space"),
        FunctionEntry("list_peerings", "The networks that are connected to a Private Space", keywords="vpc"),
        FunctionEntry("get_peering", "One network that is connected to a Private Space"),
        FunctionEntry("list_vpn_connections", "The VPN connections of a Private Space, and their state"),
        FunctionEntry("get_vpn_connection", "One VPN connection of a Private Space"),
    ),
    "This account": (
        FunctionEntry("get_user", "A user's account; Heroku shows your own only", links="/users/{account.identity}"),
        FunctionEntry(
            "get_rate_limit", "How many requests are left; asking costs none", keywords="requests left quota"
        ),
        FunctionEntry(
            "list_account_features",
            "The features of this account that can be on or off",
            main="name enabled state description",
        ),
        FunctionEntry("get_account_feature", "One feature of this account"),
        FunctionEntry("get_account_delinquency", "When an unpaid bill suspends this account"),
        FunctionEntry("list_credits", "The credits of this account"),
        FunctionEntry("get_credit", "One credit of this account"),
        FunctionEntry("list_invoices", "The invoices of this account; amounts are in cents", keywords="bill"),
        FunctionEntry("get_invoice", "One invoice of this account; amounts are in cents"),
        FunctionEntry("get_invoice_address", "Where invoices are addressed to"),
        FunctionEntry("get_sms_number", "The telephone number for a second factor, most digits hidden"),
        FunctionEntry("get_user_preferences", "What was chosen in Heroku's dashboard"),
    ),
    "What Heroku offers": (
        FunctionEntry("list_regions", "The regions in which apps can run"),
        FunctionEntry("get_region", "One region"),
        FunctionEntry(
            "list_generations", "The generations of the platform, all or those of a team", keywords="cedar fir"
        ),
        FunctionEntry("get_generation", "One generation of the platform", names={"stack": "generation"}),
    ),
}

# Links without a function, each with the reason.
LEFT_OUT = {
    "/teams/invitations/{team-invitation.token}": "It is found by the token of an invitation, which lets anybody in; "
    "`list_team_invitations` has the invitation.",
}


def thing(resource: str) -> str:
    """Return the word of names for a resource: `addon_service` for `add-on-service`."""
    return resource.replace("add-on", "addon").replace("-", "_")


def summaries() -> Iterator[FunctionSummary]:
    """Yield the summary of each function by subject, those written by hand first; none is made for that.

    What comes with this package, and not from Heroku, is the last of its subject.
    """
    for subject, of_subject in SUBJECTS.items():
        by_hand = [function for function in BY_HAND.values() if function.subject == subject]
        functions: list[Function | FunctionEntry] = [function for function in by_hand if not function.local]
        for function in (*functions, *of_subject, *(function for function in by_hand if function.local)):
            yield FunctionSummary(function.name, subject, function.summary, function.aliases)


def entries() -> Iterator[FunctionEntry]:
    """Yield all entries with their subjects, in the order of the reference."""
    for subject, of_subject in SUBJECTS.items():
        yield from (replace(entry, subject=subject) for entry in of_subject)
