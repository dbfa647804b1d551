"""Alerts: what is wrong, who is told, on which way, when, and when not. Pure; time is an argument.

values       conditions, messages and what becomes of them: the words between the parts
"""
