"""Add to the metadata what only the repository knows: its links, and the description with links that work elsewhere.

`KOSMO_REPOSITORY` is the address of the repository, as the release sets it. Without it the package has no links, and
the README is its description as it is.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# A link or a picture of the README within the repository: in Markdown or HTML.
_WITHIN = re.compile(r"""(\]\(|(?:src|srcset|href)=")(?![a-z]+:|#)([^)"]+)""")
_PICTURES = (".png", ".svg")


class RepositoryMetadata(MetadataHookInterface):
    """The links and the description."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` and `urls`."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = os.environ.get("KOSMO_REPOSITORY", "").rstrip("/")
        if repository:
            metadata["urls"] = {
                "Source": repository,
                "Documentation": f"{repository}/tree/main/kosmo_kernel/guides",
                "Changelog": f"{repository}/blob/main/.github/CHANGELOG.md",
                "Security": f"{repository}/blob/main/.github/SECURITY.md",
                "Issues": f"{repository}/issues",
            }
            text = _WITHIN.sub(lambda link: link[1] + _absolute(repository, link[2]), text)
            owner = repository.split("/")[-2]
            text += f"\n<!-- mcp-name: io.github.{owner}/kosmo_kernel -->\n"  # MCP registries look for it
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def _absolute(repository: str, path: str) -> str:
    return f"{repository}/{'raw' if path.endswith(_PICTURES) else 'blob'}/main/{path}"
