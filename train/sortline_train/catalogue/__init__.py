"""A drawn catalogue of waste items, to try everything with before there are photographs.

The classes differ by form alone: colour, print, ground and light are drawn from the same ranges for each.
"""

from sortline_train.catalogue.baseline import mean_colour_accuracy
from sortline_train.catalogue.folder import draw_catalogue
from sortline_train.catalogue.items import CLASSES, draw_photograph

__all__ = ["CLASSES", "draw_catalogue", "draw_photograph", "mean_colour_accuracy"]
