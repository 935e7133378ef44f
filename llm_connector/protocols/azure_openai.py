"""Chat Completions on Azure: the v1 surface, and the older one with a path a deployment. The rest is ``openai_chat``.

Source: openai-python 3.54 (``lib/azure``) and Microsoft's "Azure OpenAI in Foundry Models" reference, 2026-10.
"""

from __future__ import annotations

import re

from llm_connector.protocols.openai_chat import OpenAIChat
from llm_connector.protocols.wire import segment

DEFAULT_VERSION = "2024-10-21"
_V1 = "/openai/v1"


class AzureOpenAI(OpenAIChat):
    """Azure's two surfaces. A deployment, or a dated ``api_version``, selects the older one."""

    @property
    def _deployments(self) -> bool:
        version = self.settings.options.get("api_version") or ""
        return bool(self.settings.options.get("deployment")) or re.match(r"\d{4}-\d\d-\d\d", version) is not None

    def normalise_base_url(self, base_url: str) -> str:
        """The resource's endpoint, with the surface's path appended unless it is there."""
        endpoint = base_url.rstrip("/").removesuffix(_V1).removesuffix("/openai")
        return f"{endpoint}/openai" if self._deployments else f"{endpoint}{_V1}"

    def _path(self, call: str, default: str, model: str = "") -> str:
        if not self._deployments or call == "models":
            return default
        deployment = self.settings.options.get("deployment") or model
        return f"/deployments/{segment(deployment)}{default}"

    def query(self) -> dict[str, str]:
        """Query parameters of every request."""
        version = self.settings.options.get("api_version")
        if self._deployments:
            return {"api-version": version or DEFAULT_VERSION}
        return {"api-version": version} if version else {}


PROTOCOL = AzureOpenAI
