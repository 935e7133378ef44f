"""LlamaIndex's face of ``llm_connector`` for embeddings: ``ConnectorEmbedding``.

```python
from llama_index.embeddings.llm_connector import ConnectorEmbedding

embedding = ConnectorEmbedding(provider="zhipu", model="embedding-3")
```
"""

from __future__ import annotations

from importlib.util import find_spec

from llm_connector.extras import install_hint

if find_spec("llama_index.core") is None:
    raise ImportError(
        "llama_index.embeddings.llm_connector needs llama-index-core, which is not installed; "
        f"{install_hint('llama-index')}"
    )

from llama_index.embeddings.llm_connector.base import ConnectorEmbedding

__all__ = ["ConnectorEmbedding"]
