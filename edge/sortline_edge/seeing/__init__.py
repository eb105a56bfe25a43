"""From frames to items: what is belt and what is not, one identity an item, and how fast the belt looks.

ground ─► detect (touching) ─► track, or the photo-eye (eye) ─► sight      flow: the belt's own motion
"""
