"""How requests are sent and answers come: addresses, connections, HTTP. What is in them is in ``protocols``."""
