"""The station's state over MQTT: topics, Home Assistant's discovery, and a few commands."""
