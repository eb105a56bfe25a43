"""The station: camera frames in, decisions and timed outputs out; and the belt it can be tried on."""
