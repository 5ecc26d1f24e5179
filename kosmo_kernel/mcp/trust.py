"""The user's trust in the MCP servers that a project configures.

A file in a repository can name any program, so such a server is neither started nor contacted before the user has
approved it. The approval is for a fingerprint of the command, arguments, folder, address, variables and headers. When
any of these changes, the user must approve again: a variable such as `LD_PRELOAD` can run code like a command. What the
references in them stand for is not part of the fingerprint. Servers of the user's own file need no approval.

Approvals are stored in one file in the settings folder, which only its owner can read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from kosmo_kernel.errors import SettingsError, UntrustedError
from kosmo_kernel.mcp.config import Server, file_state
from kosmo_kernel.mcp.secrets import PRIVATE, redact_value, redact_words
from kosmo_kernel.safety.intake import decode_json, read_file_if_any
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.safety.text import escape_hidden
from kosmo_kernel.settings.config_file import folder
from kosmo_kernel.settings.private_files import locked, write

FILE = "mcp-trust.json"
MAX_NAME_LENGTH = 1_000  # characters of the name of a variable that is looked at; a longer one is not trusted
# The variables that make a program run other code than its command names, or fetch it from elsewhere. They have
# legitimate uses, such as `PYTHONPATH`, so a server may have them; the user is told of them before they trust it.
_LOADING = re.compile(
    r"""
    (?!\w*(?:KEY|TOKEN|SECRET|PASSWORD)$)(?:  # of which none names code
    # The system's loader, and where programs are found
    LD_\w+ | DYLD_\w+ | _RLD\w* | LIBPATH | SHLIB_PATH | GCONV_PATH | LOCPATH | PATH | CDPATH
    # Programs that other programs start
    | SHELL | BROWSER | LESSOPEN | LESSCLOSE | \w*(?:EDITOR|VISUAL|PAGER|ASKPASS|_COMMAND|_HELPER)
    # Shells
    | ENV | BASH_\w+ | BASH_FUNC_.* | BASHOPTS | SHELLOPTS | PS\d | IFS | ZDOTDIR | FPATH
    # Folders of settings, plugins and packages of many programs
    | HOME | USERPROFILE | (?:LOCAL)?APPDATA | XDG_\w+_(?:HOME|DIRS)
    | GTK\w*_(?:MODULES|PATH) | GIO_\w+ | GST_\w+ | QT_\w*PLUGIN\w* | SASL_PATH | KRB5_CONFIG
    # Python
    | PYTHON(?!(?:UNBUFFERED|IOENCODING|UTF8|DONTWRITEBYTECODE|HASHSEED|FAULTHANDLER)$)\w+
    | VIRTUAL_ENV | IPYTHONDIR | (?:JUPYTER|CONDA|MAMBA|PIP|PIPX|UV|POETRY|PDM|HATCH)_\w+
    # JavaScript
    | NODE_(?:OPTIONS|PATH|REPL_EXTERNAL_MODULE|EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED) | ELECTRON_RUN_AS_NODE
    | (?:NPM|PNPM|YARN|BUN|DENO|COREPACK|TS_NODE|VOLTA|NVM)_\w+
    # Other languages
    | PERL\w+ | (?:RUBY|GEM_|BUNDLE_|RBENV_)\w+
    | _?(?:JAVA|JDK|JAVA_TOOL|JRE)_\w+ | CLASSPATH | (?:MAVEN|M2|GRADLE|SBT|JVM)_\w+
    | (?:DOTNET|CORECLR|COR|COMPLUS|NUGET)_\w+ | PHPRC | PHP_INI_SCAN_DIR | COMPOSER\w* | LUA_\w+ | R_\w+
    | GO(?:FLAGS|PROXY|PATH|ROOT|BIN|ENV|SUMDB|NOSUMDB|NOSUMCHECK|INSECURE|PRIVATE|TOOLCHAIN|CACHE|MODCACHE)
    | (?:CARGO|RUSTUP)_\w+ | RUSTC\w* | RUSTFLAGS | (?:ERL|ELIXIR|JULIA|GUILE)_\w+
    | TCLLIBPATH | EMACSLOADPATH | VIMINIT | EXINIT | CC | CXX | MAKEFLAGS | MAKEFILES
    # Git, and tools whose files of settings name programs
    | GIT_(?!AUTHOR_|COMMITTER_|TERMINAL_PROMPT$)\w+ | AWS_(?:CONFIG|SHARED_CREDENTIALS)_FILE | KUBECONFIG
    | DOCKER_\w+ | CLOUDSDK_(?:CONFIG|PYTHON\w*) | ANSIBLE_\w+ | TF_CLI_\w+ | WGETRC | CURL_HOME
    # Whose certificates are trusted
    | OPENSSL_\w+ | SSL_CERT_(?:FILE|DIR) | \w+_CA_BUNDLE
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)

TrustStatus = Literal["trusted", "untrusted", "changed"]
UNTRUSTED = {"untrusted": "is not trusted yet", "changed": "has changed since you trusted it"}


def fingerprint(server: Server) -> str:
    """Return the SHA-256 digest of what the user approves, in 64 hexadecimal digits."""
    facts = {
        "kind": server.kind,
        "command": server.command,
        "args": list(server.args),
        "cwd": server.cwd,
        "env": _sealed(server.env),
        "url": server.url,
        "headers": _sealed(server.headers),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _sealed(values: Mapping[str, str]) -> dict[str, str]:
    """Return variables or headers, with the digests of those that may be secrets."""
    return {
        name: hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest() if PRIVATE.search(name) else value
        for name, value in values.items()
    }


def consent_lines(server: Server) -> list[str]:
    """Return the lines that show the user what they approve, with each character of it visible.

    A secret is redacted unless it may be code as well. The last lines name what was redacted, and the variables that
    decide which code the program runs.
    """
    words = _words(server)
    redacted = list(redact_words(words, code=True))
    hidden = [
        f"the word after {before}" if now == REDACTED else now
        for before, word, now in zip(["", *words], words, redacted, strict=False)
        if now != word
    ]
    lines = [_joined(redacted), *([f"in {server.cwd}"] if server.cwd else [])]
    for kind, values in (("variable", server.env), ("header", server.headers)):
        for name, value in values.items():
            text = value if kind == "variable" and loads_code(name) else redact_value(name, value)
            hidden += [f"the {kind} {name}"] if text != value else []
            lines.append(f"{kind} {name} = {_joined([text]) if text.strip() != text or not text else text}")
    if loading := [name for name in server.env if loads_code(name)]:
        lines.append(f"CAREFUL: {', '.join(loading)} can make the program run other code than its own.")
    if hidden:
        lines.append(f"Not shown, because it may be a secret: {', '.join(hidden)}. {server.path} has it.")
    return list(map(escape_hidden, lines))


def command_line(server: Server) -> str:
    """Return a server's command line or address, with secrets redacted and each other character visible."""
    return escape_hidden(_joined(redact_words(_words(server))))


def loads_code(name: str) -> bool:
    """Return whether a variable of this name can decide which code a program runs."""
    return len(name) > MAX_NAME_LENGTH or _LOADING.fullmatch(name) is not None


def _words(server: Server) -> list[str]:
    return [server.command, *server.args] if server.kind == "stdio" else [server.url]


def _joined(words: Iterable[str]) -> str:
    return " ".join(json.dumps(word, ensure_ascii=False) if re.search(r'[\s"]|^$', word) else word for word in words)


class Trust:
    """The user's approvals of projects' servers.

    Parameters:
        folder: the folder of the file with the approvals; the settings folder if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._cached: tuple[object, dict[str, str]] | None = None  # the file's state and its approvals

    @property
    def path(self) -> Path:
        """The file of the approvals."""
        return (self._folder or folder()) / FILE

    def status(self, server: Server) -> TrustStatus:
        """Return whether the user has approved a server as it is now.

        Raises:
            SettingsError: the file of the approvals cannot be read.
        """
        if not server.of_project:
            return "trusted"
        approved = self._approvals().get(_key(server))
        if approved is None:
            return "untrusted"
        return "trusted" if approved == fingerprint(server) else "changed"

    def require(self, server: Server) -> None:
        """Check that the user has approved a server.

        Raises:
            UntrustedError: the user has not approved it, or it has changed since. It was not started.
            SettingsError: the file of the approvals cannot be read.
        """
        status = self.status(server)
        if status == "trusted":
            return
        name, path = escape_hidden(server.name), escape_hidden(str(server.path))
        raise UntrustedError(
            f"The MCP server `{name}` comes with the project ({path}) and {UNTRUSTED[status]}, so it was not started. "
            f"`kosmo mcp:trust {name}` shows what it would run and asks you."
        )

    def trust(self, server: Server) -> None:
        """Store the user's approval of a server as it is now; raises like `untrust`."""
        self._change(server, fingerprint(server))

    def untrust(self, server: Server) -> bool:
        """Delete the user's approval of a server, and return whether there was one.

        Raises:
            SettingsError, FileWriteError: the file of the approvals cannot be read, or not be written.
        """
        return self._change(server, None)

    def _change(self, server: Server, approved: str | None) -> bool:
        """Replace the approval of a server, delete it if None, and return whether anything changed."""
        with locked(self.path.parent):
            before = self._approvals()
            changed = {**before, _key(server): approved}
            after = {key: value for key, value in changed.items() if value is not None}
            if after != before:
                write(self.path, json.dumps({"trusted": after}, indent=2, sort_keys=True) + "\n")
            return after != before

    def _approvals(self) -> dict[str, str]:
        state = (str(self.path), file_state(self.path))
        if self._cached and self._cached[0] == state:
            return self._cached[1]
        content = read_file_if_any(self.path, SettingsError)
        if content is None:
            return {}
        try:
            approvals = decode_json(content, str(self.path), ValueError)["trusted"]
            self._cached = (state, {str(key): str(value) for key, value in approvals.items()})
            return self._cached[1]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SettingsError(f"{self.path} is damaged. Delete it, and trust your projects' servers anew.") from None


def _key(server: Server) -> str:
    """Return the key of an approval: it includes the project, so that an approval is for one project only."""
    return f"{server.root.resolve()}#{server.name}"
