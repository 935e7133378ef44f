"""One module a wire protocol, each loaded when a provider that speaks it is used."""
