"""Claude on Google Vertex: the model in the path, the version in the body. The rest is ``anthropic``.

Source: anthropic-python 2.12 (``lib/vertex``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.errors import ConfigError
from llm_connector.jsontext import encode
from llm_connector.protocols.anthropic import JSON_HEADERS, AnthropicMessages, beta_header
from llm_connector.protocols.wire import WireRequest, segment

if TYPE_CHECKING:
    from llm_connector.protocols.wire import Exchange
    from llm_connector.types import ModelInfo


class AnthropicVertex(AnthropicMessages):
    """The Messages body, carried by Google."""

    default_version: ClassVar[str] = "vertex-2023-10-16"

    def normalise_base_url(self, base_url: str) -> str:
        """The base URL, up to and with its version."""
        return base_url.rstrip("/")

    def models(self) -> Exchange[list[ModelInfo]]:
        """Not at this vendor."""
        raise self.unsupported("models()", "Vertex has no call that lists Claude models; see its Model Garden")

    def _wire(self, body: dict[str, Any], betas: list[str], *, stream: bool) -> WireRequest:
        project, location = (str(self.settings.options[name] or "") for name in ("project", "location"))
        if not project:
            raise ConfigError(
                "no project: pass project= or set ANTHROPIC_VERTEX_PROJECT_ID", provider="anthropic_vertex"
            )
        model = segment(str(body.pop("model")), safe="@:")
        call = "streamRawPredict" if stream else "rawPredict"
        path = f"/projects/{segment(project)}/locations/{segment(location)}/publishers/anthropic/models"
        body = {"anthropic_version": self._version, **body}
        return WireRequest(f"{path}/{model}:{call}", encode(body), headers=JSON_HEADERS | beta_header(betas))


PROTOCOL = AnthropicVertex
