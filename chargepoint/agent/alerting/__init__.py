"""The shell of `station.alerts`: what is wrong, read from the station's status; who is told."""
