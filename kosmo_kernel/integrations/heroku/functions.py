"""The seven functions that look at apps, and at what belongs to one app."""

from __future__ import annotations

from kosmo_kernel.catalogue import BulkSource, Function, Link, Param
from kosmo_kernel.integrations.heroku.columns import ACCOUNT, ADDON, APP, ATTACHMENT, COLLABORATOR, DOMAIN, DYNO
from kosmo_kernel.integrations.heroku.scopes import IDENTITY, READ

# The pattern of names is from Heroku's schema. It also keeps other texts, such as `my-app/config-vars`, out of a URL.
_APP_NAME = "[a-z][a-z0-9-]{1,28}[a-z0-9]"
UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _the_app(of_a_list: str) -> Param:
    return Param(
        name="app_id",
        doc=f"The app's name or UUID; a list of them gives {of_a_list}",
        required=True,
        pattern=f"{_APP_NAME}|{UUID}",
        pattern_doc="an app's name or UUID",
        example="my-app",
        each=("name", "id"),
        listed_at="/apps",
    )


_LIST_APPS = Function(
    name="list_apps",
    subject="Apps",
    keywords="maintenance mode",
    summary="Every app that the account can reach",
    description="""\
The account's own apps, those of its teams, and those that others share with it. The list is always complete.

An app has no status of its own. `maintenance` says whether visitors see the maintenance page, and `released_at`
is nil for an app that was never released. `list_dynos` shows whether anything runs.

`stack`, `region`, `owner` and `team` are records. In a text, each becomes its name:
`app.name .. " on " .. app.stack`. To compare one, use its field: `app.stack.name == "heroku-24"`.
""",
    links=(Link("/apps", scope=READ),),
    returns="list",
    columns=APP,
    example="""\
for _, app in ipairs(heroku.list_apps()) do
  print(app.name .. "  " .. app.stack .. "  " .. app.web_url)
end
""",
)

_GET_APP = Function(
    name="get_app",
    subject="Apps",
    summary="One app, by name or UUID",
    description="""\
The same fields as a row of `list_apps`, for one app.

Heroku responds with 404 both if the app does not exist and if the account may not see it.
""",
    links=(Link("/apps/{app_id}", scope=READ),),
    returns="record",
    columns=APP,
    params=(_the_app("a list of records"),),
    example="""\
local shop = heroku.get_app({ app_id = "my-app" })

print(shop.name .. " runs on " .. shop.stack .. " in " .. shop.region)
print("It belongs to " .. shop.owner.email)
""",
)

_LIST_DYNOS = Function(
    name="list_dynos",
    subject="Processes",
    keywords="crashed uptime running",
    summary="The dynos of an app, and how each is doing",
    description="""\
Every dyno that exists at this moment, one-off ones included. An app scaled to zero has none.

Heroku keeps no uptime. `updated_at` is when `state` last changed, so it tells since when a dyno is up, or
crashed; `created_at` is when the dyno was made. A dyno of type `run` is a console or a one-off
command: an old one was often forgotten, and is paid for all the same.
""",
    links=(Link("/apps/{app_id}/dynos", scope=READ),),
    returns="list",
    columns=DYNO,
    guarded_parts=("release",),
    own_errors=True,
    params=(_the_app("the dynos of all"),),
    example="""\
for _, dyno in ipairs(heroku.list_dynos({ app_id = "my-app" })) do
  print(dyno.name .. "  " .. dyno.size .. "  " .. dyno.state .. " since " .. dyno.updated_at)
end
""",
)

# Not public: `list_addons` has what an audit needs from it, and its URLs sign in anyone who has them.
_ATTACHMENTS = Function(
    name="list_addon_attachments",
    summary="Which app uses which add-on",
    description="Every attachment of an add-on to an app: the owner's, and those of the apps that it is shared with.",
    links=(Link("/addon-attachments", scope=READ),),
    returns="list",
    columns=ATTACHMENT,
    guarded=True,
    own_errors=True,
)

_LIST_ADDONS = Function(
    name="list_addons",
    subject="Add-ons",
    keywords="database price",
    aliases=("list_add_ons",),
    summary="The add-ons that an app can use",
    description="""\
Databases, caches, monitoring and other services: those that the app owns, and those that another app
shares with it.

A shared add-on is in the list of every app that uses it, and `app.name` is the app that owns it. To add up
prices over several apps, count each `id` once. `billed_price.cents` is nil if no price is known, and has no
meaning if `billed_price.contract` is true.
""",
    links=(
        Link(
            "/apps/{app_id}/addons",
            scope=READ,
            bulk=BulkSource(
                path="/addons",
                item="app.id",
                list_items=_LIST_APPS,
                shared_links=_ATTACHMENTS,
                link_item="app.id",
                link_record="addon.id",
            ),
        ),
    ),
    returns="list",
    columns=ADDON,
    params=(_the_app("the add-ons of all"),),
    example="""\
for _, addon in ipairs(heroku.list_addons({ app_id = "my-app" })) do
  print(addon.name .. "  " .. addon.plan .. "  " .. addon.state)
end
""",
)

_LIST_DOMAINS = Function(
    name="list_domains",
    subject="Domains and certificates",
    keywords="custom certificate dns host",
    summary="The host names of an app, and the state of their certificates",
    description="""\
The app's host name at `herokuapp.com`, and every custom domain that was added.

`acm_status` is the state of the certificate, and `acm_status_reason` explains it. `status` is only about the
DNS target: it can be `succeeded` while the certificate fails. If Heroku does not manage the certificates
(`acm` of the app is false), `acm_status` is nil.
""",
    links=(Link("/apps/{app_id}/domains", scope=READ),),
    returns="list",
    columns=DOMAIN,
    guarded_parts=("sni_endpoint",),
    params=(_the_app("the domains of all"),),
    example="""\
for _, domain in ipairs(heroku.list_domains({ app_id = "my-app" })) do
  print(domain.hostname .. "  " .. domain.kind .. "  " .. domain.acm_status)
end
""",
)

_LIST_COLLABORATORS = Function(
    name="list_collaborators",
    subject="People and access",
    keywords="who can access leaver left",
    summary="The people who were given access to an app, each with a seat",
    description="""\
The app's own list: its owner, and everyone who has a seat in it. Where a team owns the app, the owner is an address at
`herokumanager.com` that stands for the team and is no person.

It is not everyone who can reach the app: an admin of a team reaches all of its apps without a seat.
`heroku.tables.access()` has everyone who can reach each app, and by what.
Heroku omits `role` for plain collaborators; it then has the value `collaborator`. Only the collaborators of a
team's app have `permissions`.
""",
    links=(Link("/apps/{app_id}/collaborators", scope=READ),),
    returns="list",
    columns=COLLABORATOR,
    params=(_the_app("the collaborators of all"),),
    example="""\
for _, collab in ipairs(heroku.list_collaborators({ app_id = "my-app" })) do
  print(collab.user.email .. "  " .. collab.role)
end
""",
)

_GET_CURRENT_USER = Function(
    name="get_current_user",
    subject="This account",
    keywords="who am I",
    summary="The account that the token belongs to",
    description="""\
This shows who owns the token, and is a quick way to try a token. A token needs the scope `identity`.

`verified` is about billing details, not about the e-mail address.
""",
    links=(Link("/account", scope=IDENTITY),),
    returns="record",
    columns=ACCOUNT,
    guarded_parts=("identity_provider",),
    example="""\
local me = heroku.get_current_user()

print("Signed in as " .. me.email)
print("Second factor: " .. (me.two_factor_authentication and "yes" or "no"))
""",
)

FUNCTIONS = (
    _LIST_APPS,
    _GET_APP,
    _LIST_DYNOS,
    _LIST_ADDONS,
    _LIST_DOMAINS,
    _LIST_COLLABORATORS,
    _GET_CURRENT_USER,
)
