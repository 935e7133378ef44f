"""LangChain's face of ``llm_connector``: ``ChatConnector`` and ``ConnectorEmbeddings``. Nothing is decided here.

```python
from langchain_llm_connector import ChatConnector

model = ChatConnector(provider="zhipu", model="glm-4.6")
```
"""

from __future__ import annotations

from importlib.util import find_spec

from llm_connector.extras import install_hint

if find_spec("langchain_core") is None:
    raise ImportError(
        f"langchain_llm_connector needs langchain-core, which is not installed; {install_hint('langchain')}"
    )

from langchain_llm_connector.chat_models import ChatConnector
from langchain_llm_connector.embeddings import ConnectorEmbeddings
from llm_connector.version import __version__

__all__ = ["ChatConnector", "ConnectorEmbeddings", "__version__"]
