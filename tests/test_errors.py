"""Test that errors carry their parts, so that no code needs to read a message."""

from __future__ import annotations

from kosmo_kernel.errors import InvalidArgumentsError, LuaRuntimeError, RefusedError, UnknownNameError


def test_a_message_says_where_and_what_and_what_to_do() -> None:
    error = InvalidArgumentsError.of_call(
        "heroku.get_app", ["`app_id` is missing", "`id` is unknown"], "get_app(app_id)"
    )

    assert str(error) == error.message == "heroku.get_app: `app_id` is missing; `id` is unknown. Write get_app(app_id)"
    assert (error.where, error.text, error.advice) == (
        "heroku.get_app",
        "`app_id` is missing; `id` is unknown.",
        "Write get_app(app_id)",
    )
    assert str(UnknownNameError("There is no app.", ("a", "b"))) == "There is no app. Did you mean: a, b"
    assert str(RefusedError("no", where="heroku.get_app")) == "heroku.get_app: no"
    assert str(LuaRuntimeError("x")) == "x"


def test_a_part_is_the_same_whatever_the_other_parts_say() -> None:
    error = RefusedError("heroku: heroku: no.", where="heroku")

    assert (error.text, error.message) == ("heroku: heroku: no.", "heroku: heroku: heroku: no.")


def test_a_new_message_takes_the_place_of_all_parts() -> None:
    error = InvalidArgumentsError.of_call("get_app", ["none"], "get_app()")
    error.message = "In[1]:2: get_app: none"

    assert (error.where, error.text, error.advice) == ("", "In[1]:2: get_app: none", "")


def test_no_text_of_an_error_keeps_a_secret() -> None:
    error = InvalidArgumentsError("the s3cret.", where="s3cret.f", advice="Write s3cret")
    error.chunk, error.excerpt, error.stack = "s3cret", "1 s3cret", ("s3cret:1: in f",)
    error.sanitize(lambda text: text.replace("s3cret", "***"))

    assert "s3cret" not in f"{error} {error.__dict__}"
