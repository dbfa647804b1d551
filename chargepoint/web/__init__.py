"""The pages of the station, a program of its own: the driver's page, the owner's area, `/metrics`.

It is a client of the agent's socket and an observer of the safety programs, and nothing more: what
happens to it, however it is attacked, is no business of the charge.
"""
