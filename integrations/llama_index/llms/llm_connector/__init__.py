"""LlamaIndex's face of ``llm_connector``: ``ChatConnector``. What a provider is told and how is decided there.

```python
from llama_index.llms.llm_connector import ChatConnector

llm = ChatConnector(provider="zhipu", model="glm-4.6")
```
"""

from __future__ import annotations

from importlib.util import find_spec

from llm_connector.extras import install_hint

if find_spec("llama_index.core") is None:
    raise ImportError(
        f"llama_index.llms.llm_connector needs llama-index-core, which is not installed; {install_hint('llama-index')}"
    )

from llama_index.llms.llm_connector.base import ChatConnector

__all__ = ["ChatConnector"]
