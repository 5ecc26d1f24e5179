"""The commands of the Heroku CLI with which a person makes a change that no function here makes."""

from __future__ import annotations

_ADDS = {"attach", "create", "enable", "invite", "post", "provision", "put", "set", "write"}
_REMOVES = {"cancel", "clear", "delete", "destroy", "detach", "disable", "leave", "revoke", "uninstall", "unset"}

# By words of a name, the first that it has: commands by verb. `add` and `remove` stand for the verbs above, `change`
# for all others.
_COMMANDS = {
    "config env": "add config:set NAME=VALUE -a APP; remove config:unset NAME -a APP",
    "maintenance": "add maintenance:on -a APP; remove maintenance:off -a APP",
    "domain": "add domains:add HOST -a APP; remove domains:remove HOST -a APP",
    "sni cert": "add certs:add CRT KEY -a APP; remove certs:remove -a APP; change certs:update CRT KEY -a APP",
    "collaborator access permission": (
        "add access:add EMAIL -a APP; remove access:remove EMAIL -a APP; change access:update EMAIL -p NAMES -a APP"
    ),
    "member invit": "add members:add EMAIL --team TEAM; remove members:remove EMAIL --team TEAM",
    "review": "add reviewapps:enable -p PIPELINE; remove reviewapps:disable -p PIPELINE",
    "promot": "add pipelines:promote -a APP",
    "pipeline": (
        "add pipelines:add PIPELINE --stage STAGE -a APP; remove pipelines:remove -a APP; "
        "change pipelines:update --stage STAGE -a APP"
    ),
    "drain": "add drains:add URL -a APP; remove drains:remove URL -a APP",
    "webhook": "add webhooks:add -i EVENTS -u URL -l LEVEL -a APP; remove webhooks:remove ID -a APP",
    "addon add_on": (
        "add addons:create PLAN -a APP; remove addons:destroy ADD_ON; change addons:upgrade ADD_ON PLAN; "
        "attach addons:attach ADD_ON -a APP; detach addons:detach ATTACHMENT -a APP"
    ),
    "buildpack": "add buildpacks:add BUILDPACK -a APP; remove buildpacks:remove BUILDPACK -a APP",
    "deploy slug build": "add git push heroku main",
    "rollback release": "add releases:rollback vVERSION -a APP",
    "stack": "add stack:set STACK -a APP",
    "formation process scale": "add ps:scale TYPE=COUNT:SIZE -a APP; remove ps:scale TYPE=0 -a APP",
    "dyno": (
        "add run COMMAND -a APP; remove ps:stop DYNO -a APP; change ps:restart -a APP; stop ps:stop DYNO -a APP; "
        "kill ps:kill DYNO -a APP; run run COMMAND -a APP; resize ps:type TYPE=SIZE -a APP"
    ),
    "feature": "add features:enable FEATURE -a APP; remove features:disable FEATURE -a APP",
    "authorization token": (
        "add authorizations:create -s SCOPE; remove authorizations:revoke ID; change authorizations:rotate ID"
    ),
    "key": "add keys:add FILE; remove keys:remove KEY",
    "space": "add spaces:create NAME --team TEAM; remove spaces:destroy NAME",
    "app": (
        "add apps:create NAME; remove apps:destroy -a APP; change apps:rename NAME -a APP; run run COMMAND -a APP; "
        "transfer apps:transfer OWNER -a APP; restart ps:restart -a APP; lock apps:lock -a APP; "
        "unlock apps:unlock -a APP"
    ),
    "run": "run run COMMAND -a APP",
    "restart": "restart ps:restart -a APP",
}


def command_for(verb: str, subject: str) -> str:
    """Return the command with which a person makes a change; `heroku help` if none is known.

    Parameters:
        verb: the first word of the name of an operation.
        subject: the other words, separated by `_`.
    """
    name = f"{verb}_{subject}"
    listed = next((line for words, line in _COMMANDS.items() if any(word in name for word in words.split())), "")
    commands = dict(part.split(" ", 1) for part in listed.split("; ")) if listed else {}
    group = "add" if verb in _ADDS else "remove" if verb in _REMOVES else "change"
    command = commands.get(verb) or commands.get(group) or commands.get("add") or "help"
    return command if command.startswith("git ") else f"heroku {command}"
