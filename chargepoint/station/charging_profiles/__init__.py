"""Charging profiles: pure values and functions; `station.smart_charging` is the machine over them.

`profile` (what the CSMS sets) → `book` (what is installed) → `timeline` (one profile on an axis of
whole seconds) → `composite` (what several give together).
"""
