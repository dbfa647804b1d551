"""Short messages as a GSM modem wants and gives them in PDU mode (3GPP TS 23.040, 23.038, 27.005).

Pure: text and octets, no modem. `submit` makes what is sent, `received` reads what came,
`assembly` joins its parts, `failures` says what an error number means.
"""
