"""Loopback servers that speak each vendor's wire protocol on a real socket. No part of ``llm_connector`` is used here.

    with OpenAIChatServer(script=[Fault(429), Reply("hello")]) as server:
        client = LLMClient("openai", "gpt-x", base_url=server.url, api_key="k")

``script.py`` says what a server answers, ``model.py`` is the small rule-based model that answers when there is no
script, ``view.py`` is a request in no vendor's words, ``base.py`` is the way from a request to an answer and
``listener.py`` the sockets. Each other file is one vendor format: ``x.py`` answers, ``x_checks.py`` refuses.
"""
