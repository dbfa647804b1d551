"""What is wrong now, hazard by hazard: one function per row of `chargepoint.evse.hazards`.

The name of a function is the catalogue id of its hazard. None looks at time beyond the instants
that are in the observation: how long it must be so, and what lifts it, stands in the table.
"""
