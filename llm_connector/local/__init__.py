"""The embedded model: llama.cpp's own server on a loopback port, started on first use. Talking to it is not here.

Importing this loads neither llama.cpp nor any weights.
"""

from llm_connector.local.server import LocalEndpoint, ensure_server, shutdown_all

__all__ = ["LocalEndpoint", "ensure_server", "shutdown_all"]
