"""A small local CSMS for OCPP 1.6J: for the demo, for tests and for the bench.

It shares no code with the station's own OCPP: what it accepts it checks against the published
schemas, and what it answers it builds itself.
"""
