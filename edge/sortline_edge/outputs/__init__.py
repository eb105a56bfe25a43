"""Timed output lines and the inputs, in a process of their own: nothing the station computes delays a gate or a stop.

    station                                   output process (python -m sortline_edge.outputs)
    ProcessOutputs  ── commands, beats ──▶    schedule (pure) ──▶ LineDriver: recorder, gpiod, servos
        (client)    ◀── reports ───────────                   ◀── InputLines: gpiod, or played into a pipe

The output process ends, with every line inactive, when the station's end of the connection closes (also by `kill -9`),
when no beat came for `timing.heartbeat_ms`, when it is asked to stop, and when its driver fails. It never starts again
by itself: whoever lost the outputs opens them anew.
"""

from sortline_edge.outputs.client import ProcessOutputs, open_outputs

__all__ = ["ProcessOutputs", "open_outputs"]
