"""The bundle's card: one page that says what the model is, for people."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from sortline_bundle.manifest import Manifest


def render_card(manifest: Manifest, confusion: list[list[int]]) -> bytes:
    """The card as an HTML page.

    Args:
        manifest: Its members need not be known yet.
        confusion: Held-out photographs by true class (rows) and answer of the int8 model (columns).
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("card.html.jinja").read_text(encoding="utf-8"))
    return template.render(manifest=manifest, confusion=confusion).encode()
