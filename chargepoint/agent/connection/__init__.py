"""What the link to the CSMS is made of: addresses, proxy, handshake, and words for failures."""
