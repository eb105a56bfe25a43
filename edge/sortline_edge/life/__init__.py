"""The station as a service of the machine it runs on: what systemd hears of it, how the board is, the unit file."""
