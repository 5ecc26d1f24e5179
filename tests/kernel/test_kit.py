"""Jupyter's own test kit for kernels, with every attribute of it that there is."""

from __future__ import annotations

import jupyter_kernel_test  # type: ignore[import-untyped]
import pytest
from kernel_client import NAME

pytestmark = pytest.mark.usefixtures("kernel_list")


class TestKit(jupyter_kernel_test.KernelTests):  # type: ignore[misc] # the kit has no types
    """Every attribute of the kit that applies; what a cell clears is not there yet."""

    kernel_name = NAME
    language_name = "lua"
    file_extension = ".lua"
    code_hello_world = "print('hello, world')"
    code_stderr = "io.stderr:write('oh')"
    completion_samples = [
        {"text": "string.re", "matches": {"rep", "reverse"}},
        {"text": "app.integrations.heroku.list_do", "matches": {"list_domains"}},
        {"text": "whil", "matches": {"while"}},
        {"text": "'no names here ", "matches": set()},
    ]
    complete_code_samples = ["1 + 1", "print(1)", "for i = 1, 3 do print(i) end", ""]
    incomplete_code_samples = ["for i = 1, 3 do", "print(", "x = [[", "function f()"]
    invalid_code_samples = ["x = = 1", "end", "for for"]
    code_page_something = "string.rep?"
    code_clear_output = "display.clear()"
    code_generate_error = "error('as asked')"
    code_execute_result = [
        {"code": "1 + 1", "result": "2"},
        {"code": "'ab' .. 'cd'", "result": "abcd"},
        {"code": "'pattern'", "result": "pattern"},
        {"code": "app.integrations.heroku.list_apps()", "mime": "text/html"},
    ]
    code_display_data = [{"code": "return 1, docs.read('heroku')", "mime": "text/markdown"}]
    code_history_pattern = "'patt*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "string.format"


class TestKitWelcome(jupyter_kernel_test.IopubWelcomeTests):  # type: ignore[misc] # its base class has no types
    kernel_name = NAME
    support_iopub_welcome = True
