"""One EVSE and its safety: pure, time is an argument, nothing is read or sent.

pilot        what the board measured → pilot state, diode check, cable rating; current ↔ duty
lease        how long the agent's word holds
hazards      what inhibits energy, and what it takes to lift each
situation    what is decided from, and the conditions of the table
machine      the two tables of IEC 61851-1: transitions and outputs
senses, offer, contactor, supervision, telling
             what is known, offered, switched, measured and told
evse         composes them: `Evse.step(inputs, now_s) -> Outputs`
"""
