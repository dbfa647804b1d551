"""The connection to the MQTT broker that alerts and states share."""
