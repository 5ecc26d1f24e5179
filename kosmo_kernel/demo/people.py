"""The people of the demo: Larkmoor Parcels' staff and teams, and outsiders.

Everything is fictional, and every address ends in a domain name that can never exist.
"""

from __future__ import annotations

from kosmo_kernel.demo.models import Person, Record, ident, reference

JOINED = "2018-03-05T10:21:37Z"  # when the account was created

ENTERPRISE = "larkmoor-parcels"
TEAM = "larkmoor"
LABS = "larkmoor-labs"

JUNO = Person("juno.hale@larkmoor.example", federated=True)  # the owner of the demo account
PRIYA = Person("priya.raman@larkmoor.example", federated=True)
OSKAR = Person("oskar.lind@larkmoor.example", federated=True)
MEI = Person("mei.tanaka@larkmoor.example", federated=True)
INES = Person("ines.duarte@larkmoor.example", federated=True)
SAMUEL = Person("samuel.okoye@larkmoor.example")  # an employee who does not sign in through the directory
COLLEAGUES = (PRIYA, OSKAR, MEI, INES, SAMUEL)
STAFF = (JUNO, *COLLEAGUES)
LENA = Person("lena@pixelbarn.example")  # the agency
RUI = Person("rui@pixelbarn.example")
TOM = Person("tom.ashby@postbox.example")  # a contractor who left at the end of September
AUDIT = Person("audit@ledgerline.example")
ROBOT = Person("deploys@harbourci.example")  # a build service

SIGN_IN: Record = {  # the company's directory
    "id": ident("identity-provider", TEAM),
    "name": "larkmoor-sso",
    "owner": reference("team", TEAM) | {"type": "team"},
}


def account() -> Record:
    """Return the record of the account that the demo token belongs to."""
    return {
        "allow_tracking": False,
        "beta": False,
        "created_at": JOINED,
        "email": JUNO.email,
        "federated": JUNO.federated,
        "id": JUNO.id,
        "identity_provider": {
            "id": SIGN_IN["id"],
            "name": SIGN_IN["name"],
            "team": {"name": TEAM},
            "organization": {"name": TEAM},
            "owner": SIGN_IN["owner"],
        },
        "last_login": "2026-11-20T08:12:45Z",
        "name": "Juno Hale",
        "sms_number": None,
        "suspended_at": None,
        "delinquent_at": None,
        "two_factor_authentication": True,
        "updated_at": "2026-11-20T08:12:45Z",
        "verified": True,
        "country_of_residence": "United Kingdom",
        "default_organization": reference("team", TEAM),
        "default_team": reference("team", TEAM),
    }
