"""The command line: a thin face of the client. Needs the extra ``cli``."""
