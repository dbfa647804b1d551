"""How messages leave the station: one desk, one lane per channel, one file per kind of channel."""
