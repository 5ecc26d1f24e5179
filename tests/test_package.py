from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from repository import ROOT

import kosmo_kernel
from kosmo_kernel import catalogue, errors, session
from kosmo_kernel.catalogue import Column, Function, Integration, Link, Param
from kosmo_kernel.results.result import CallRecord, Result


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import kosmo_kernel; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"__future__"} == {"kosmo_kernel"}  # what starts Python may have had that one


def test_the_public_names_are_those_of_their_modules() -> None:
    tree = {name: value for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    parts = {"Session": session.Session, "Result": session.Result, "catalogue": catalogue}
    public = {name: getattr(kosmo_kernel, name) for name in kosmo_kernel.__all__}
    heroku = public.pop("heroku")
    assert repr(heroku).startswith("<Heroku: ")
    assert public == tree | parts | {"__version__": kosmo_kernel.__version__}


def test_every_public_name_is_offered() -> None:
    assert set(kosmo_kernel.__all__) <= set(dir(kosmo_kernel))


def test_a_name_that_does_not_exist_is_pythons_own_error() -> None:
    with pytest.raises(AttributeError, match="module 'kosmo_kernel' has no attribute 'sesion'"):
        _ = kosmo_kernel.sesion


@pytest.mark.parametrize(
    "kind", [Result, CallRecord, Column, Function, Integration, Link, Param], ids=lambda kind: kind.__name__
)
def test_a_public_class_shows_its_fields_in_help(kind: type) -> None:
    assert list(inspect.signature(kind).parameters)
