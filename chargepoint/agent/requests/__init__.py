"""What the service socket answers beyond the station's status: one module per theme.

Each theme is a class with `handlers()`, a table from request to an asynchronous generator of
answers. `agent.local` joins the tables.
"""
