"""The API of the owner's area: one module per theme, each a class with `endpoints()`.

`endpoint` makes routes of the tables and guards them; `openapi` writes the document from the same
tables, so that the two cannot drift apart.
"""
