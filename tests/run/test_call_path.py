"""One call of a script passes few files, functions and forms; see `benchmarks/call_path.py`."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location

from repository import ROOT


def test_a_call_passes_few_files_and_functions_and_changes_its_form_at_most_eight_times() -> None:
    spec = spec_from_file_location("call_path", ROOT / "benchmarks" / "call_path.py")
    assert spec
    assert spec.loader
    call_path = module_from_spec(spec)
    spec.loader.exec_module(call_path)

    profile = call_path.profile_call()

    assert [(name, count) for name, count, maximum in call_path.counts(profile) if count > maximum] == []
    assert (profile.forms()[0], profile.forms()[-1]) == ("CallRequest", "Records")
    assert len(profile.forms()) - 1 <= 8
