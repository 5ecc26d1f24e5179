"""The environment variables that make a program run other code than its command names, or fetch it from elsewhere.

They have legitimate uses, such as `PYTHONPATH`, so a server may have them. The user is told of them by name before they
trust it.
"""

from __future__ import annotations

import re

MAX_LENGTH = 1_000  # characters of a name that is looked at; a longer one is not trusted
_NAMES = re.compile(
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


def loads_code(name: str) -> bool:
    """Return whether a variable of this name can decide which code a program runs."""
    return len(name) > MAX_LENGTH or _NAMES.fullmatch(name) is not None
